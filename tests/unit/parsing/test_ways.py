"""What a page leads to, with and without links. Browser: chromium 142 requests just these."""

import time

import pytest
from selectolax.lexbor import LexborHTMLParser

from crawler.parsing.facts import MAX_LINKS, FactsReader, PageFacts

URL = "http://h.example/dir/page"
DIR = "http://h.example/dir/"


def facts(html: str, refresh: str | None = None) -> PageFacts:
    return FactsReader().read(LexborHTMLParser(html), URL, refresh=refresh)


SHEET = "<meta http-equiv=refresh content="
WAYS = [
    # refreshes
    (f"{SHEET}'0;url=x'>", "x", "HTML 4.2.5.3"),
    ("<META HTTP-EQUIV=Refresh CONTENT='0;url=x'>", "x", "HTML 2.3.2: keywords in any case"),
    (f"<body><p>{SHEET}'0;url=x'>", "x", "HTML 4.2.5.3: wherever it is inserted; chromium"),
    (f"<base href=/b/>{SHEET}'0;url=x'>", "/b/x", "step 11.11: relative to the document; chromium"),
    (f"{SHEET}'0;url=/x?a=1&amp;b=2#f'>", "/x?a=1&b=2", "HTML 13.2.5.36: character references"),
    (f"{SHEET}'0;url=//o.example/'>", "http://o.example/", "URL 4.4"),
    (f"<noscript>{SHEET}'0;url=x'></noscript>", "x", "HTML 4.12.2: scripting is off here"),
    (f"<svg>{SHEET}'0;url=x'></svg>", "x", "HTML 13.2.6.5: <meta> leaves <svg>; chromium"),
    (f"{SHEET}'9'>{SHEET}'0;url=x'>", "x", "chromium: the fastest refresh wins"),
    (f"{SHEET}'0;url=x'>{SHEET}'0;url=y'>", "x y", "which one wins depends on the browser"),
    (f"{SHEET}'0;url=http://[bad'>{SHEET}'0;url=x'>", "x", "step 11.12; chromium"),
    (f"{SHEET}'0;url=page'>", "", "the page itself is not a way on"),
    (f"{SHEET}'0;url=#top'>", "", "nor is a place in it"),
    (f"{SHEET}'30'>", "", "nor is a reload"),
    (f"{SHEET}'0;url=javascript:x()'>", "", "URL 4.4: not http or https"),
    (f"{SHEET}''>", "", "HTML 4.2.5.3: empty"),
    ("<meta http-equiv=refresh>", "", "HTML 4.2.5.3: no content"),
    ("<meta http-equiv=' refresh' content='0;url=x'>", "", "HTML 2.3.2; chromium"),
    ("<meta name=refresh content='0;url=x'>", "", "HTML 4.2.5: a name is not a pragma"),
    (f"<!-- {SHEET}'0;url=x'> -->", "", "HTML 13.1.6: a comment"),
    (f"<template>{SHEET}'0;url=x'></template>", "", "HTML 4.12.3: not in the document"),
    (f"<script>{SHEET}'0;url=x'></script>", "", "HTML 13.1.2: raw text"),
    (f"<title>{SHEET}'0;url=x'></title>", "", "HTML 13.1.2: escapable raw text"),
    # frames
    ("<frameset><frame src=x><frame src=' y '></frameset>", "x y", "HTML 16.3.4; chromium"),
    ("<frameset><frameset><FRAME SRC=x></frameset></frameset>", "x", "HTML 16.3.4"),
    ("<body><frame src=x>", "", "HTML 13.2.6.4.7: ignored outside <frameset>; chromium"),
    ("<iframe src=x></iframe>", "x", "HTML 4.8.5; chromium"),
    ("<iframe loading=lazy src=x>", "x", "HTML 4.8.5"),
    ("<base href=/b/><iframe src=x>", "/b/x", "HTML 2.4.1"),
    ("<iframe src=x></iframe><iframe src=x#y></iframe>", "x", "once"),
    ("<iframe src=x srcdoc=y></iframe>", "", "HTML 4.8.5: srcdoc wins; chromium"),
    ("<iframe src=''></iframe><iframe></iframe>", "", "HTML 4.8.5: about:blank; chromium"),
    ("<iframe src=about:blank></iframe><iframe src=data:,x>", "", "not http or https"),
    ("<iframe src=page>", "", "the page itself"),
    ("<noscript><iframe src=x></iframe></noscript>", "x", "HTML 4.12.2"),
    ("<template><iframe src=x></iframe></template>", "", "HTML 4.12.3; chromium"),
    ("<noframes><iframe src=x></iframe></noframes>", "", "HTML 13.1.2: raw text"),
    ("<svg><iframe src=x></iframe></svg>", "", "SVG has no iframe; chromium"),
    ("<math><iframe src=x></iframe></math>", "", "MathML has no iframe; chromium"),
    ("<svg><g><iframe src=x></g></svg><iframe src=y>", "y", "the same"),
    ("<svg><foreignObject><iframe src=x>", "x", "HTML 13.2.6: integration point; chromium"),
    ("<svg><desc><div><iframe src=x>", "x", "HTML 13.2.6: integration point"),
    ("<math><mtext><iframe src=x>", "x", "HTML 13.2.6: integration point"),
    # others
    ("<img src=x><script src=y></script><embed src=z><object data=o>", "", "parts of the page"),
    ("<link rel=stylesheet href=x><link rel=next href=y>", "", "not shown"),
]


@pytest.mark.promise("P92")
@pytest.mark.parametrize(("html", "ways", "source"), WAYS)
def test_frames_and_refreshes_are_ways_on(html: str, ways: str, source: str) -> None:
    found = facts(f"<!doctype html>{html}" if "<frameset" in html else html)
    expected = [DIR + way for way in ways.split() if way[0] != "/" and ":" not in way]
    expected += ["http://h.example" + way for way in ways.split() if way[0] == "/"]
    expected += [way for way in ways.split() if ":" in way]
    assert list(found.ways) == expected, source
    assert found.links == ()


LINKS = [
    ("<svg><a href=x></a></svg>", "x", "SVG 2, 16.2"),
    ("<svg><a xlink:href=x></a></svg>", "x", "SVG 2, 16.1.3"),
    ("<svg><g><A XLINK:HREF=x></A></g></svg>", "x", "HTML 13.2.6.5: foreign attributes"),
    ("<svg><a href=x xlink:href=y></a></svg>", "x", "SVG 2, 16.1.3: href wins"),
    ("<svg><a xlink:href=y href=x></a></svg>", "x", "SVG 2, 16.1.3: href wins"),
    ("<svg><a href='' xlink:href=y></a></svg>", "page", "SVG 2, 16.1.3: also if it is empty"),
    ("<a href=x></a><svg><a xlink:href=y#z></a></svg><a href=z>", "x y z", "in their order"),
    ("<svg><a xlink:href='#in'></a></svg>", "page", "a place in the page"),
    ("<svg><a></a><a xlink:title=x></a></svg>", "", "no URL"),
    ("<a xlink:href=x>", "", "HTML has no xlink:href"),
    ("<svg><use xlink:href=x /><image href=y /></svg>", "", "parts of the picture"),
    ("<svg><base href=/b/></svg><a href=x>", "x", "SVG has no base; chromium"),
    ("<math><base href=/b/></math><a href=x>", "x", "MathML has no base"),
    (
        "<svg><base href=/b/></svg><base href=/c/><a href=x>",
        "/c/x",
        "the first of HTML",
    ),
    ("<svg><foreignObject><base href=/b/></foreignObject></svg><a href=x>", "/b/x", "chromium"),
    ("<base target=t><base href=/b/><base href=/c/><a href=x>", "/b/x", "HTML 4.2.3; chromium"),
    ("<base href=''><base href=/c/><a href=x>", "x", "HTML 4.2.3: the first with href; chromium"),
    ("<a href=x><base href=/b/>", "/b/x", "HTML 2.4.1: links are resolved when they are followed"),
    ("<template><base href=/b/></template><a href=x>", "x", "HTML 4.12.3; chromium"),
    ("<base href=data:,x><a href=x>", "x", "HTML 4.2.3: data: is not a base; chromium"),
    ("<base href=javascript:x><a href=x>", "x", "HTML 4.2.3: javascript: is not a base"),
    ("<base href='http://[bad'><a href=x>", "x", "HTML 4.2.3: an invalid URL is not a base"),
]


@pytest.mark.promise("P92")
@pytest.mark.parametrize(("html", "links", "source"), LINKS)
def test_links_of_pictures_and_bases(html: str, links: str, source: str) -> None:
    found = facts(html)
    assert [link.removeprefix(DIR) for link in found.links] == [
        f"http://h.example{link}" if link[0] == "/" else link for link in links.split()
    ], source
    assert found.ways == ()


def test_the_first_canonical_url_counts() -> None:
    html = "<link rel='Canonical x' href=c><link rel=canonical href=d><link href=e>"
    assert facts(html).canonical == DIR + "c"


HEADERS = [
    ("0;url=x", "x", "HTML 7.4.2: a Refresh header"),
    ("0; URL='/y'", "/y", "as in <meta>"),
    ("5", "", "a reload"),
    ("x", "", "invalid"),
    ("", "", "invalid"),
    ("0;url=page", "", "the page itself"),
    ("0;url=ftp://h/", "", "not http or https"),
]


@pytest.mark.promise("P92")
@pytest.mark.parametrize(("header", "way", "source"), HEADERS)
def test_a_refresh_header_is_relative_to_the_page(header: str, way: str, source: str) -> None:
    found = facts("<base href=/b/><a href=l>", header)
    expected = f"http://h.example{way}" if way[:1] == "/" else DIR + way
    assert found.ways == ((expected,) if way else ()), source
    assert found.links == ("http://h.example/b/l",)


@pytest.mark.parametrize(
    "html",
    [
        "".join(f"<iframe src=/{n}></iframe>" for n in range(100_000)),
        "".join(f"{SHEET}'0;url=/{n}'>" for n in range(100_000)),
        "<frameset>" + "".join(f"<frame src=/{n}>" for n in range(100_000)),
    ],
    ids=["iframes", "refreshes", "frames"],
)
def test_ways_are_limited_as_links_are(html: str) -> None:
    found = facts(html)
    assert len(found.ways) == MAX_LINKS
    assert found.cut == 100_000 - MAX_LINKS


INSIDE = ["<iframe src=/a>", "<base href=/a>", "<g><title></title>"]


@pytest.mark.parametrize("inside", INSIDE)
def test_foreign_elements_in_each_other_take_linear_time(inside: str) -> None:
    few, many = (seconds("<svg>" + inside * depth) for depth in (300, 4_800))
    assert many < 100 * max(few, 0.001)  # quadratic would be 256 times


def seconds(html: str) -> float:
    """The least CPU time of three readings."""
    tree, spent = LexborHTMLParser(html), []
    for _ in range(3):
        before = time.process_time()
        assert FactsReader().read(tree, URL).ways == ()
        spent.append(time.process_time() - before)
    return min(spent)
