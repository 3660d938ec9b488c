"""What leads on without being a link: refreshes and frames, and links in pictures."""

from typing import Any

import pytest
from e2e.promises.conftest import GOOD, Crawled

from crawler.testing import Answer, MockWeb

SITE = "http://a.example/"
PAGES = {
    "": '<meta http-equiv="refresh" content="0; URL=\'sub/menu\'"><title>moved</title>',
    "sub/menu": "<frameset><frame src=left><frame src=/right></frameset>",
    "sub/left": "<svg><base href=/bad/><a href=one></a><a xlink:href=two></a></svg><a href=three>",
    "right": '<iframe src="inner"></iframe><iframe src="//b.example/away"></iframe>',
    "inner": '<meta http-equiv=refresh content=60><meta http-equiv=refresh content="1,last">',
    "last": GOOD,
    "sub/one": GOOD,
    "sub/two": GOOD,
    "sub/three": "<iframe src=/secret/frame></iframe><meta http-equiv=refresh content=0;/secret/x>",
    "after": GOOD,
    "secret/frame": GOOD,
    "secret/x": GOOD,
}
"""By path: pages that can be reached from the first one, by links alone only those of one page."""
LEADS_TO = {"sub/left": ["sub/one", "sub/two", "sub/three"]}
DEPTHS = {
    "": 0,
    "sub/menu": 1,
    "sub/left": 2,
    "right": 2,
    "sub/one": 3,
    "sub/two": 3,
    "sub/three": 3,
    "inner": 3,
    "last": 4,
}


@pytest.fixture
def site(mock_web: MockWeb) -> MockWeb:
    for path, html in PAGES.items():
        mock_web.page(SITE + path, html)
    mock_web.page("http://b.example/away", GOOD)
    robots = b"User-agent: *\nDisallow: /secret/\n"
    mock_web.answer(f"{SITE}robots.txt", Answer(body=robots))
    return mock_web


def crawl(crawled: Crawled, **options: Any) -> Any:
    return crawled([SITE], **{"parse": "inline", "delay": 0.0, "follow": True} | options)


@pytest.mark.promise("P92")
@pytest.mark.usefixtures("site")
def test_a_site_of_frames_and_refreshes_is_crawled(crawled: Crawled, engine: str) -> None:
    run = crawl(crawled, engine=engine)
    found = {url.removeprefix(SITE): page for url, page in run.pages.items()}
    assert {path: page["depth"] for path, page in found.items()} == DEPTHS
    for path, page in found.items():
        assert page["links"] == [SITE + link for link in LEADS_TO.get(path, [])], path
    assert {url.removeprefix(SITE): skip["reason"] for url, skip in run.skips.items()} == (
        dict.fromkeys(("secret/frame", "secret/x"), "robots")
    )
    assert run.report["urls"]["filtered"] == 1  # to b.example


@pytest.mark.promise("P92")
@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"follow": False}, {""}),
        ({"depth": 0}, {""}),
        ({"depth": 2}, {"", "sub/menu", "sub/left", "right"}),
        ({"exclude": ["/sub/"]}, {""}),
        ({"include": ["menu$"]}, {"", "sub/menu"}),
        ({"parse": "none", "follow": False}, {""}),
        ({"scope": "any"}, {*DEPTHS, "http://b.example/away"}),
    ],
    ids=["unfollowed", "depth0", "depth2", "exclude", "include", "unparsed", "scope"],
)
def test_the_rules_of_links_hold_for_ways_on(
    crawled: Crawled, options: dict[str, Any], paths: set[str]
) -> None:
    run = crawl(crawled, **options)
    assert {url.removeprefix(SITE) for url in run.pages} == paths


@pytest.mark.promise("P92")
@pytest.mark.parametrize("how", ["meta", "header"])
def test_nofollow_holds_for_ways_on(mock_web: MockWeb, crawled: Crawled, how: str) -> None:
    refresh = ("Refresh", "0;url=one")
    robots = (("X-Robots-Tag", "nofollow"),) if how == "header" else ()
    body = '<meta http-equiv=refresh content="0;url=two"><iframe src=three></iframe>'
    if how == "meta":
        body += "<meta name=robots content=nofollow>"
    headers = (("Content-Type", "text/html"), refresh, *robots)
    mock_web.answer(SITE, Answer(headers=headers, body=body.encode()))
    for path in ("one", "two", "three"):
        mock_web.page(SITE + path, GOOD)
    assert set(crawl(crawled).pages) == {SITE}
    assert len(crawl(crawled, robots=False, name="all").pages) == 4
