import gzip
import pickle
import sys
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import msgspec
import pytest

from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.pages import Page
from crawler.model.scope import make_scope, make_strip
from crawler.model.urls import canonical, key
from crawler.parsing.custom import check_parser
from crawler.parsing.document import Document
from crawler.parsing.extract.load import load_rules
from crawler.parsing.extract.rules import ExtractRule, ExtractRules
from crawler.parsing.job import Job, Parsed, ParseOptions
from crawler.parsing.page import PageParser

URL = "http://h.example/dir/page"
DOCS = Path("/usr/share/doc/python3.11/html")
OPTIONS = ParseOptions(max_bytes=10_000_000, follow=True, max_depth=None, scope=make_scope("host"))


def job(**changes: object) -> Job:
    values: dict[str, object] = {
        "id": 7, "url": "http://h.example/", "final_url": URL, "seed": "http://h.example/",
        "status": 200, "content_type": "text/html", "content_encoding": None, "robots": None,
        "fetched_at": "2026-01-01T00:00:00Z", "elapsed_ms": 1.5, "depth": 1,
    }  # fmt: skip
    return msgspec.convert(values | changes, Job)


def parse(body: str | bytes, options: ParseOptions = OPTIONS, **changes: object) -> Parsed:
    raw = body if isinstance(body, bytes) else body.encode()
    return PageParser(options).parse(job(**changes), raw)


def page(body: str | bytes, **changes: object) -> Page:
    return parse(body, **changes).page


def with_options(**changes: object) -> ParseOptions:
    return msgspec.structs.replace(OPTIONS, **changes)


def test_a_page_has_all_its_facts() -> None:
    text = (
        '<!doctype html><html lang=" de-AT "><head><title> A\n <b>title</b> </title>'
        '<meta name=Description content=" What  it is "><link rel="nofollow Canonical" href="/c#x">'
        '<body><a href="one#a">1</a><a href="/two?">2</a><a href="one#b">3</a>'
        '<map><area href="//other.example"></map><a name=x>no</a><a href="mailto:x">m</a>'
    )
    body = text.encode()
    parsed = parse(gzip.compress(body), content_encoding="gzip")
    assert parsed.page == Page(
        url="http://h.example/", final_url=URL, status=200, content_type="text/html",
        fetched_at="2026-01-01T00:00:00Z", elapsed_ms=1.5, bytes=len(body),
        digest=sha256(body).hexdigest(), depth=1, encoding="utf-8", title="A <b>title</b>",
        description="What it is", lang="de-AT", canonical="http://h.example/c",
        links=("http://h.example/dir/one", "http://h.example/two?", "http://other.example/"),
    )  # fmt: skip
    assert [link.url for link in parsed.follow] == list(parsed.page.links[:2])
    assert [link.key for link in parsed.follow] == [key(u) for u in parsed.page.links[:2]]
    assert parsed.filtered == 1
    assert pickle.loads(pickle.dumps(parsed)) == parsed


def test_an_empty_page_has_no_facts() -> None:
    for body in ("", "<p>", "<title> </title><meta name=description><html lang>", "\0"):
        found = page(body)
        assert found.links == ()
        assert {found.title, found.description, found.lang, found.canonical} == {None}
        assert found.fields is None
        assert found.html is msgspec.UNSET


@pytest.mark.parametrize(
    ("markup", "link"),
    [
        ('<base href="/b/"><base href="/c/"><a href=x>', "http://h.example/b/x"),
        ('<a href=x><base href="http://o.example/">', "http://o.example/x"),
        ("<base target=_top><base href=/b/><a href=x>", "http://h.example/b/x"),
        ('<base href="javascript:x"><a href=x>', "http://h.example/dir/x"),
        ("<a href>", "http://h.example/dir/page"),
        ('<a href="&#x2f;a&amp;b">', "http://h.example/a&b"),
        ("<a href=' http://u:p@h.example/ '>", "http://h.example/"),
        ("<frameset><frame src=x></frameset><noframes><a href=x>", None),
        ("<template><a href=x></a></template>", None),
        ("<noscript><a href=x></a></noscript>", "http://h.example/dir/x"),
        ("<svg><a href=x></a></svg>", "http://h.example/dir/x"),
    ],
)
def test_links_are_found(markup: str, link: str | None) -> None:
    assert page(markup).links == (() if link is None else (link,))


def test_links_keep_the_order_of_the_document() -> None:
    markup = "<a href=1></a><map><area href=2></map><a href=3></a><map><area href=4></map>"
    assert [link[-1] for link in page(markup).links] == ["1", "2", "3", "4"]


@pytest.mark.promise("P30")
def test_links_are_bounded() -> None:
    links = page("".join(f"<a href={i}></a>" for i in range(20_010))).links
    assert len(links) == 20_000
    assert links[-1].endswith("/19999")


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<title>a</title><title>b</title>", "a"),
        ("<body><svg><title>icon</title></svg><title>real</title>", "real"),
        ("<body><svg><title>icon</title></svg>", None),
        ("<head><div></div><title>late</title>", "late"),
        (f"<title>{'x' * 3000}</title>", "x" * 2000),
    ],
)
def test_titles_are_found(markup: str, title: str | None) -> None:
    assert page(markup).title == title


def test_metadata_outside_the_head_counts() -> None:
    found = page(
        "<head><noscript><img></noscript><link rel=canonical href=/c>"
        "<meta name=description content=d>"
    )
    assert (found.canonical, found.description) == ("http://h.example/c", "d")


@pytest.mark.parametrize(
    ("content_type", "is_html"),
    [
        ("text/html", True),
        ("TEXT/HTML ; charset=utf-8", True),
        ("application/xhtml+xml", True),
        ("text/plain", False),
        ("image/png", False),
        ("application/pdf; x=text/html", False),
        (None, True),
        ("", True),
    ],
)
def test_only_html_is_read(content_type: str | None, is_html: bool) -> None:
    parsed = parse(" <!DOCTYPE html><title>t</title><a href=x>", content_type=content_type)
    assert parsed.page.title == ("t" if is_html else None)
    assert bool(parsed.follow) is is_html
    assert parsed.page.encoding == ("utf-8" if is_html else None)


def test_a_byte_order_mark_does_not_hide_html() -> None:
    assert page(b"\xef\xbb\xbf<html><title>t</title>", content_type=None).title == "t"


@pytest.mark.parametrize("body", ["plain", "<?xml version='1.0'?>", "<abc>", "%PDF <html>"])
def test_untyped_bodies_unlike_html_are_not_read(body: str) -> None:
    assert page(body, content_type=None).encoding is None


def test_other_character_sets_are_decoded() -> None:
    body = "<title>Привет</title>".encode("koi8-r")
    found = parse(body, with_options(html=True), content_type="text/html; charset=koi8-r").page
    assert found.title == "Привет"
    assert found.html == "<title>Привет</title>"
    assert found.encoding == "koi8-r"
    assert found.digest == sha256(body).hexdigest()


LINKS = "<a href=/a></a><a href=/%7ea></a><a href='/~a'></a><a href=//o.example></a>"


@pytest.mark.parametrize(
    ("options", "changes", "followed", "filtered"),
    [
        ({}, {}, 2, 1),
        ({"follow": False}, {}, 0, 0),
        ({"max_depth": 2}, {"depth": 1}, 2, 1),
        ({"max_depth": 2}, {"depth": 2}, 0, 4),
        ({"max_depth": 0}, {"depth": 0}, 0, 4),
        ({"scope": make_scope("any")}, {}, 3, 0),
        ({"scope": make_scope("host", exclude=["~"])}, {}, 2, 2),
        ({}, {"robots": "noindex, nofollow"}, 0, 0),
        ({"robots": False}, {"robots": "nofollow"}, 2, 1),
    ],
)
def test_links_are_followed_by_the_options(
    options: dict[str, object], changes: dict[str, object], followed: int, filtered: int
) -> None:
    parsed = parse(LINKS, with_options(**options), **changes)
    assert (len(parsed.follow), parsed.filtered) == (followed, filtered)
    assert len(parsed.page.links) == 4


def test_meta_nofollow_is_obeyed() -> None:
    markup = "<meta name=ROBOTS content='index, NoFollow'>" + LINKS
    assert parse(markup).follow == ()
    assert len(parse(markup).page.links) == 4
    assert len(parse(markup, with_options(robots=False)).follow) == 2


def failure(parsing: Callable[[], object]) -> FetchError:
    with pytest.raises(FetchError) as caught:
        parsing()
    return caught.value


def test_bodies_that_do_not_decode_fail() -> None:
    assert failure(lambda: parse("<p>", content_encoding="gzip")).kind is FailureKind.DECODE
    assert failure(lambda: parse("abc", with_options(max_bytes=2))).kind is FailureKind.TOO_LARGE


def test_rules_extract_fields(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        'head = "h1"\nnone = "h6"\nhref = { css = "a", attr = "href" }'
        '\nno = { css = "a", attr = "id" }\nbare = { css = "a", attr = "download" }'
        '\nevery = { css = "li", all = true }'
        '\nhrefs = { css = "a", attr = "href", all = true }',
        encoding="utf-8",
    )
    rules = load_rules(file)
    markup = "<h1> A <i>b</i>\n</h1><a href=1 download></a><a></a><a href=2></a><li>x<li>y"
    assert parse(markup, with_options(extract=rules)).page.fields == {
        "head": "A b", "none": None, "href": "1", "no": None, "bare": "", "every": ["x", "y"],
        "hrefs": ["1", "2"],
    }  # fmt: skip
    assert parse(markup, with_options(extract=rules), content_type="text/plain").page.fields == {}


MODULE = """
import math

def facts(document):
    return {"h1": document.css("h1")[0].text(), "title": "mine", "text": document.text,
            "is": [document.url, document.final_url, document.status, document.content_type]}

def nothing(document): return None
def raises(document): raise ValueError("no price")
def leaves(document): raise SystemExit(3)
def wrong_type(document): return ["a"]
def no_json(document): return {"x": object()}
def surrogate(document): return {"x": "\\ud800"}
def endless(document):
    found = {}
    found["x"] = found
    return found
def plain(document): return {"nan": math.nan, "tuple": (1, 2), "bytes": b"x"}
async def coroutine(document): return {}
constant = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "user_parser.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "user_broken.py").write_text("1 / 0", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.chdir(tmp_path)
    for name in ("user_parser", "user_broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "user_parser"


def custom(spec: str, markup: str = "<h1>Head</h1>", **changes: object) -> object:
    return parse(markup, with_options(parser=spec, **changes)).page.fields


def test_a_parser_function_may_be_a_local_file(module: str) -> None:
    check_parser(f"{module}:facts")
    rules = ExtractRules((ExtractRule("title", "title"), ExtractRule("head", "h1")))
    assert custom(f"{module}:facts", extract=rules) == {
        "h1": "Head", "title": "mine", "head": "Head", "text": "<h1>Head</h1>",
        "is": ["http://h.example/", URL, 200, "text/html"],
    }  # fmt: skip
    assert custom(f"{module}:nothing") == {}


def test_parser_results_become_plain_json(module: str) -> None:
    fields = custom(f"{module}:plain")
    assert fields == {"nan": None, "tuple": [1, 2], "bytes": "eA=="}


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("raises", "ValueError: no price"),
        ("leaves", "SystemExit: 3"),
        ("wrong_type", "TypeError: must return a dict, a list of dicts or None, not str in a list"),
        ("no_json", "TypeError"),
        ("surrogate", "UnicodeEncodeError"),
        ("endless", "RecursionError"),
    ],
)
def test_a_failing_parser_function_is_a_parse_failure(
    module: str, function: str, says: str
) -> None:
    error = failure(lambda: custom(f"{module}:{function}"))
    assert error.kind is FailureKind.PARSE
    assert error.message.startswith(f"parser {module}:{function}: {says}")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("user_parser", "module:function"),
        (":facts", "module:function"),
        ("user_parser:", "module:function"),
        ("no_such_module:f", "ModuleNotFoundError"),
        ("user_parser:missing", "missing"),
        ("user_parser:constant", "must be a function, and not an async one"),
        ("user_parser:coroutine", "must be a function, and not an async one"),
        ("user_broken:f", "ZeroDivisionError"),
    ],
)
@pytest.mark.usefixtures("module")
def test_a_wrong_parser_function_is_refused(spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_parser(spec)
    with pytest.raises(UsageError, match=says):
        PageParser(with_options(parser=spec))


def test_a_document_parses_on_demand() -> None:
    document = Document(job(content_type="image/png"), b"\x89PNG")
    assert document.__dict__.keys().isdisjoint({"tree", "text", "_decoded"})


class Anchors(HTMLParser):
    """An independent reader: title and links of a page by the standard library."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("a", "area"):
            self.hrefs += [value or "" for name, value in attrs if name == "href"]


@pytest.mark.docs
@pytest.mark.skipif(not DOCS.is_dir(), reason="python3-doc is not installed")
def test_links_equal_those_of_the_standard_library() -> None:
    files = sorted(DOCS.glob("library/*.html"))[::10]
    assert len(files) > 10
    for file in files:
        body = file.read_bytes()
        reader = Anchors()
        reader.feed(body.decode())
        links = dict.fromkeys(
            canonical(link)
            for href in reader.hrefs
            if (link := urldefrag(urljoin(URL, href)).url).startswith("http")
        )
        found = page(body)
        assert found.links == tuple(links)
        assert found.title is not None
        assert "Python 3.11" in found.title
        assert found.lang == "en"


def test_without_read_only_size_and_digest_are_known() -> None:
    body = b"<title>T</title><a href=/x>"
    options = with_options(read=False)
    found = parse(body, options).page
    assert (found.title, found.links, found.encoding) == (None, (), None)
    assert (found.bytes, found.digest) == (len(body), sha256(body).hexdigest())


@pytest.mark.promise("P28")
def test_traps_are_found_after_stripping_parameters() -> None:
    hrefs = ["/ok?sid=1", "/ok?sid=2", "/a/a/a/a/a", "/a/a/a/a/a?sid=3", "http://other.example/"]
    markup = "".join(f'<a href="{href}">' for href in hrefs)
    parsed = parse(markup, with_options(strip=make_strip(["sid"])))
    assert [link.url for link in parsed.follow] == ["http://h.example/ok"]
    assert [(link.url, why) for link, why in parsed.trapped] == [
        ("http://h.example/a/a/a/a/a", "the same part occurs more than 4 times")
    ]
    assert parsed.filtered == 1
    assert len(parsed.page.links) == 5, "the page's own list has them all, as they are"
