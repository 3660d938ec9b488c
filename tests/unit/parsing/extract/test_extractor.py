"""Rules at work: which rules a page has, and what each kind of them finds."""

import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.errors import FailureKind, FetchError
from crawler.parsing.document import Document
from crawler.parsing.extract.extractor import Extractor
from crawler.parsing.extract.rules import ExtractRule, ExtractRules, PageRules
from crawler.parsing.job import Job

URL = "http://shop.example/tea/"
TEA = """
<!doctype html><html><head><base href="/goods/"><title>Tea</title>
<meta property="og:title" content="Fine tea"><meta property="og:image" content="/1.jpg">
<meta property="OG:image" content="/2.jpg"><meta name="author" content="Ann">
<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [
  {"@type": "WebPage", "name": "The page", "mainEntity": {
     "@type": ["Thing", "https://schema.org/Product"], "name": "Green", "sku": 17, "fair": true,
     "offers": [{"@type": "Offer"}, {"@type": "Offer", "price": "12.50"}],
     "review": [{"author": {"name": "A"}}, {"author": [{"name": "B"}, {"name": "C"}]}]}},
  {"@type": "Product", "name": "Black", "brand": null, "url": "black"}]}</script>
<script type="application/ld+json">{"@type": "Broken", </script>
<script type="Application/LD+JSON">{"@type": "Line", "text": "two
lines"}</script></head>
<body><h1> Green <b>tea</b> </h1><script>var shop = {"stock": 42, "id": 7, "id": 8};</script>
<div class="product" id="a"><h2>Green</h2><a href="green#x">more</a><b class="price">1.299,50 €</b>
  <i data-tags='["fresh", 1]'></i></div>
<div class="product" id="b"><h2>Black</h2><a href="mailto:x">more</a><b class="price">ask</b></div>
</body></html>
"""


def document(markup: str = TEA, url: str = URL, content_type: str = "text/html") -> Document:
    job = Job(7, url, url, url, 200, content_type, None, None, "now", 1.5, 1)
    return Document(job, markup.encode())


def extract(rules: ExtractRules, page: Document | None = None) -> Any:
    found = Extractor(pickle.loads(pickle.dumps(rules))).fields(page or document())
    assert msgspec.json.decode(msgspec.json.encode(found)) == found, "it is plain JSON"
    return found


def value(page: Document | None = None, **rule: Any) -> Any:
    return extract(ExtractRules((ExtractRule("x", **rule),)), page)["x"]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"css": "h1"}, "Green tea"),
        ({"css": "h6"}, None),
        ({"css": "h2", "all": True}, ["Green", "Black"]),
        ({"css": "h6", "all": True}, []),
        ({"css": "a", "attr": "href"}, "green#x"),
        ({"css": "a", "attr": "id"}, None),
        ({"css": "a", "attr": "href", "type": "url"}, "http://shop.example/goods/green"),
        ({"css": "a", "attr": "href", "type": "url", "all": True},
         ["http://shop.example/goods/green"]),
        ({"css": ".price", "type": "float", "locale": "de"}, 1299.5),
        ({"css": ".price", "type": "float"}, None),
        ({"css": ".price", "type": "int", "regex": r"(\d+)\."}, 1),
        ({"css": "h1", "regex": r"\w+$"}, "tea"),
        ({"css": "h1", "regex": "coffee"}, None),
        ({"css": "h1", "regex": "(coffee)?"}, None),
        ({"css": "[data-tags]", "attr": "data-tags", "type": "json"}, ["fresh", 1]),
        ({"css": "h1", "type": "json"}, None),
        ({"css": "h1", "type": "date"}, None),
        ({"css": "h6", "default": "none"}, "none"),
        ({"css": ".price", "type": "float", "default": 0.0}, 0.0),
        ({"css": "h6", "all": True, "default": ["none"]}, ["none"]),
        ({"meta": "og:title"}, "Fine tea"),
        ({"meta": "Author"}, "Ann"),
        ({"meta": "og:image", "type": "url", "all": True},
         ["http://shop.example/1.jpg", "http://shop.example/2.jpg"]),
        ({"meta": "og:none"}, None),
        ({"jsonld": "Product.name"}, "Green"),
        ({"jsonld": "Product.name", "all": True}, ["Green", "Black"]),
        ({"jsonld": "Product.offers.price", "type": "float"}, 12.5),
        ({"jsonld": "Product.sku"}, "17"),
        ({"jsonld": "Product.sku", "type": "int"}, 17),
        ({"jsonld": "Product.sku", "type": "float"}, 17.0),
        ({"jsonld": "Product.sku", "regex": "1"}, "1"),
        ({"jsonld": "Product.fair"}, "true"),
        ({"jsonld": "Product.fair", "type": "int"}, None),
        ({"jsonld": "Product.review.author.name", "all": True}, ["A", "B", "C"]),
        ({"jsonld": "Product.review.author.name"}, "A"),
        ({"jsonld": "Product.review", "type": "json"},
         [{"author": {"name": "A"}}, {"author": [{"name": "B"}, {"name": "C"}]}]),
        ({"jsonld": "Product.review"}, None),
        ({"jsonld": "Product.url", "type": "url"}, None),
        ({"jsonld": "Product.url", "type": "url", "all": True},
         ["http://shop.example/goods/black"]),
        ({"jsonld": "Product.brand"}, None),
        ({"jsonld": "*.name", "all": True}, ["The page", "Green", "A", "B", "C", "Black"]),
        ({"jsonld": "Line.text"}, "two\nlines"),
        ({"jsonld": "Broken.name"}, None),
        ({"regex": r'"stock": (\d+)', "type": "int"}, 42),
        ({"regex": r'"id": (\d+)', "all": True}, ["7", "8"]),
        ({"regex": "no such text"}, None),
    ],
)  # fmt: skip
def test_a_rule_finds_its_value(rule: dict[str, Any], found: object) -> None:
    assert value(**rule) == found


def test_rules_of_a_page_are_chosen_by_its_url() -> None:
    every = (ExtractRule("title", "title"), ExtractRule("kind", "h6", default="other"))
    tea = PageRules((ExtractRule("head", "h1"), ExtractRule("kind", "h6", default="tea")), "/tea/")
    later = PageRules((ExtractRule("never", "h1"),), "/tea")
    rules = ExtractRules(every, (tea, later))
    assert extract(rules) == {"title": "Tea", "head": "Green tea", "kind": "tea"}
    assert extract(rules, document(url="http://shop.example/cups")) == {
        "title": "Tea", "kind": "other"
    }  # fmt: skip


PRODUCTS = PageRules(
    (
        ExtractRule("name", "h2"),
        ExtractRule("id", attr="id"),
        ExtractRule("price", ".price", type="float", locale="de"),
        ExtractRule("source", regex=r'<h2>(\w+)'),
    ),
    each="div.product",
)  # fmt: skip


def test_a_page_may_have_several_records() -> None:
    rules = ExtractRules((ExtractRule("page", "title"),), (PRODUCTS,))
    assert extract(rules) == [
        {"page": "Tea", "name": "Green", "id": "a", "price": 1299.5, "source": "Green"},
        {"page": "Tea", "name": "Black", "id": "b", "price": None, "source": "Black"},
    ]
    assert extract(rules, document("<p>")) == []


def test_a_record_finds_its_own_element() -> None:
    rules = ExtractRules(pages=(PageRules((ExtractRule("x", "h2"),), each="h2"),))
    assert extract(rules) == [{"x": "Green"}, {"x": "Black"}]


@pytest.mark.parametrize("markup", ["", "\0", "<!-- -->", "text"])
def test_an_empty_page_has_no_values(markup: str) -> None:
    fields = tuple(
        ExtractRule(kind, **{kind: "a"})  # type: ignore[arg-type]
        for kind in ("css", "meta", "jsonld", "regex")
    )
    assert extract(ExtractRules(fields), document(markup)) == dict.fromkeys(
        ["css", "meta", "jsonld", "regex"]
    )


def test_what_is_not_html_has_no_fields() -> None:
    rules = ExtractRules((ExtractRule("x", "h1", required=True),), (PRODUCTS,))
    assert extract(rules, document(content_type="text/plain")) == {}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (ExtractRules((ExtractRule("x", "h6", required=True),)),
         "--extract: x is required, but has no value (css h6)"),
        (ExtractRules((ExtractRule("x", "i", required=True),)),
         "--extract: x is required, but has no value (css i)"),
        (ExtractRules((ExtractRule("x", "h6", all=True, required=True),)),
         "--extract: x is required, but has no value (css h6)"),
        (ExtractRules(pages=(
            PageRules((ExtractRule("p", ".price", type="int", locale="de", regex=r"\d+",
                                   required=True),), each="div.product"),)),
         "--extract: p is required, but has no value (css .price), in record 2"),
    ],
)  # fmt: skip
def test_a_page_without_a_required_value_is_a_failure(rules: ExtractRules, says: str) -> None:
    with pytest.raises(FetchError) as caught:
        extract(rules)
    assert (caught.value.kind, caught.value.message) == (FailureKind.PARSE, says)


MARKUP = st.lists(
    st.sampled_from(["<i>1</i>", "<b id=x>y</b>", "<b></b>", "<p>", "</p>", "<u></u>", "text"]),
    max_size=6,
).map("".join)
SELECTORS = ("i", "b", "u", "p > i", "p b, u", "s")


@given(st.lists(MARKUP, max_size=6), st.sampled_from([None, "p"]), st.sampled_from([None, "id"]))
def test_what_a_page_has_does_not_depend_on_the_pages_before(
    pages: list[str], each: str | None, attr: str | None
) -> None:
    fields = tuple(ExtractRule(css, css, attr) for css in SELECTORS)
    lists = tuple(ExtractRule(f"all {css}", css, all=True, default=["-"]) for css in SELECTORS)
    rules = ExtractRules(fields, (PageRules((*fields, *lists), each=each),))
    used = Extractor(rules)
    for markup in pages:
        assert used.fields(document(markup)) == Extractor(rules).fields(document(markup))


@pytest.mark.parametrize("levels", [90, 900, 9_000, 200_000])
def test_deep_json_harms_nothing(levels: int) -> None:
    deep = '{"a":[' * (levels // 2) + "1" + "]}" * (levels // 2)
    page = document(f"<script type=application/ld+json>{deep}</script><p>{deep}</p>")
    as_json = value(page, css="p", type="json")
    assert (as_json is None) == (levels > 100)
    assert value(page, jsonld="*.a", all=True) == ([] if levels > 100 else ["1"])
