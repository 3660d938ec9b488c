"""``--cache``: what was read from a page before is taken, and is the same."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import needs
from support.caches import JOB, OPTIONS, PAGE, RULES, change, parse, same, values, with_cache

from crawler.model.errors import FetchError
from crawler.model.scope import make_scope, make_strip
from crawler.model.traps import Traps
from crawler.parsing import result_cache
from crawler.parsing.extract.rules import ExtractRules
from crawler.parsing.page import PageParser


def test_a_page_met_before_is_not_parsed_again(tmp_path: Path) -> None:
    options = with_cache(tmp_path / "cache")
    first, second = parse(options), parse(options)
    assert (first.cached, second.cached) == (False, True)
    assert same(first, parse(OPTIONS))
    assert same(second, first)


MARKUP = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "<title>", "</title>", "<base href=", "<a href=", "<area href=", "<a>", ">", "'",
                "<meta name=description content=", "<meta name=robots content=none>", "<svg>",
                "<meta http-equiv=refresh content=0;", "<link rel=canonical href=", "&amp;",
                "&#xD800;", "<iframe src=", "<html lang=en>", "<meta charset=euc-jp>", "<!--",
                "-->", "x", "/", "http://o.example/", "?q=", "#f", "<template>", "<noscript>",
                "</svg>",
            ]
        ),
        st.text(max_size=5),
    ),
    max_size=12,
).map("".join)  # fmt: skip
BODIES = st.one_of(
    MARKUP.map(lambda text: text.encode("utf-8", "surrogatepass")),
    MARKUP.map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.binary(max_size=40),
)
TYPES = st.sampled_from(
    ["text/html", "text/html; charset=latin-1", "TEXT/HTML;charset=shift_jis", "", "text/plain"]
).flatmap(lambda text: st.sampled_from([text, None]))


@settings(deadline=None, max_examples=150)
@given(BODIES, TYPES, st.booleans(), st.sampled_from([None, "0; url=/r", "5;x"]), st.booleans())
def test_records_are_the_same_for_all_pages(
    tmp_path_factory: pytest.TempPathFactory,
    body: bytes,
    content_type: str | None,
    html: bool,
    refresh: str | None,
    extract: bool,
) -> None:
    usual = change(OPTIONS, html=html, extract=RULES if extract else None)
    options = with_cache(tmp_path_factory.getbasetemp() / "cache of all", usual)
    job = change(JOB, content_type=content_type, refresh=refresh)
    expected = parse(usual, body, job)
    assert same(parse(options, body, job), expected)
    again = parse(options, body, job)
    assert same(again, expected)
    assert again.cached == (expected.page.encoding is not None)


@pytest.mark.docs
@pytest.mark.parametrize("extract", [None, RULES])
def test_records_of_a_manual_are_the_same(tmp_path: Path, extract: ExtractRules | None) -> None:
    files = sorted(Path(needs.docs() or "").rglob("*.html"))[:120]
    usual = change(OPTIONS, extract=extract)
    plain, cold = PageParser(usual), PageParser(with_cache(tmp_path / "cache", usual))
    tasks = [(change(JOB, final_url=f"http://h.example/{f.name}"), f.read_bytes()) for f in files]
    expected = [plain.parse(*task) for task in tasks]
    assert all(same(cold.parse(*task), each) for task, each in zip(tasks, expected, strict=True))
    cold.flush()
    warm = PageParser(with_cache(tmp_path / "cache", usual))
    found = [warm.parse(*task) for task in tasks]
    assert all(map(same, found, expected))
    assert all(each.cached for each in found)


# What a result depends on


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({"final_url": "http://h.example/other/page"}, {}),
        ({"content_type": "text/html; charset=latin-1"}, {}),
        ({"refresh": "0; url=/r"}, {}),
        ({}, {"extract": RULES}),
        ({}, {"names": frozenset({"ours"})}),
    ],
)
def test_what_changes_a_result_makes_another_one(
    tmp_path: Path, changed: dict[str, Any], options: dict[str, Any]
) -> None:
    parse(with_cache(tmp_path / "cache"))
    usual, job = change(OPTIONS, **options), change(JOB, **changed)
    found = parse(with_cache(tmp_path / "cache", usual), job=job)
    assert not found.cached
    assert same(found, parse(usual, job=job))
    before = parse(with_cache(tmp_path / "cache"))
    assert before.cached
    assert same(before, parse(OPTIONS))


def test_another_body_has_another_result(tmp_path: Path) -> None:
    options = with_cache(tmp_path / "cache")
    parse(options)
    assert parse(options, PAGE + b" ").cached is False


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({"url": "http://other.example/", "seed": "http://other.example/"}, {}),
        ({"robots": "nofollow", "depth": 3, "row": '{"sku":1}', "status": 203, "id": 8}, {}),
        ({"fetched_at": "later", "elapsed_ms": 9.0}, {"html": True}),
        ({}, {"follow": False}),
        ({}, {"max_depth": 1}),
        ({}, {"scope": make_scope("any", [], ["y"]), "robots": False}),
        ({}, {"strip": make_strip(["q"]), "traps": Traps(20, 1), "robots": False}),
    ],
)
def test_what_is_judged_may_change(
    tmp_path: Path, changed: dict[str, Any], options: dict[str, Any]
) -> None:
    parse(with_cache(tmp_path / "cache"))
    usual, job = change(OPTIONS, **options), change(JOB, **changed)
    found = parse(with_cache(tmp_path / "cache", usual), job=job)
    assert found.cached
    assert same(found, parse(usual, job=job))


@pytest.mark.parametrize(
    "changed",
    [
        "selectolax.__version__",
        "can_ada.__version__",
        "cchardet.__version__",
        "sys.version",
        "crawler.parsing.result_cache.__file__",
    ],
)
def test_other_code_has_other_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    options = with_cache(tmp_path / "cache")
    parse(options)
    monkeypatch.setattr(changed, "/an/other/one")
    assert parse(options).cached is False


def test_what_is_not_html_and_what_fails_is_not_kept(tmp_path: Path) -> None:
    options = with_cache(tmp_path / "cache")
    for _ in range(2):
        assert parse(options, b"%PDF", change(JOB, content_type="application/pdf")).cached is False
        with pytest.raises(FetchError):
            parse(options, b"no gzip", change(JOB, content_encoding="gzip"))
    assert values(tmp_path / "cache") == {}


def test_a_large_result_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_cache, "MOST_ENTRY_BYTES", 50)
    options = with_cache(tmp_path / "cache")
    assert [parse(options).cached, parse(options).cached] == [False, False]
