"""Sitemaps as real sites serve them: damaged, compressed, in other formats, larger than a page."""

import gzip
import logging

import pytest
from e2e.promises.conftest import GOOD, Sourced, check, kinds, paths
from e2e.promises.test_promise_sources import XML, index, urlset

from crawler.model.exchange import MAX_SITEMAP_BYTES
from crawler.testing import Answer, MockWeb

AT = "http://a.example"


def page(name: str) -> str:
    return f"{AT}/{name}"


def coded(body: bytes) -> Answer:
    return Answer(headers=(*XML, ("Content-Encoding", "gzip")), body=gzip.compress(body))


FINE = {f"{name}{number}" for name in "bcdefghijklm" for number in (1, 2)}
ENDS = {"feed": "</item></rss>", "atom": "</entry></feed>"}
MAPS: dict[str, str | bytes | Answer] = {
    # Each has two pages, <name>1 and <name>2.
    "bare.xml": urlset(page("b1?x&y"), page("b2")),
    "control.xml": urlset(page("c1"), page("c\x08x"), page("c2")),
    "doctype.xml": '<!DOCTYPE x [<!ENTITY a "b">]>' + urlset(page("d1"), "&a;", page("d2")),
    "utf-16.xml": urlset(page("e1"), page("e2")).encode("utf-16"),
    "trailing.xml.gz": gzip.compress(urlset(page("f1"), page("f2")).encode()) + b"junk",
    "blanks.xml": "\n <?xml version='1.0'?>" + urlset(page("g1"), page("g2")),
    "list": f"{page('h1')}\r\n{page('h2')}\r\n",
    "feed": f"<rss><item><link>{page('i1')}</link></item><item><guid>{page('i2')}</guid>",
    "atom": f"<feed><entry><link href='{page('j1')}'/></entry><entry><link href='/j2'/>",
    "cut.xml": urlset(page("k1"), page("k2"))[:-3],
    "lost.xml": urlset(page("l1"), page("l2"), page("l3"))[:-24],
    "coded.xml": coded(urlset(page("m1"), page("m2")).encode()),
    "sorry": "<!DOCTYPE html><html>Sorry, we moved.",
    "nothing": "",
}
FAILED = {
    "control.xml#entry=2": "parse",
    "doctype.xml#entry=2": "parse",
    "cut.xml": "parse",
    "lost.xml": "parse",
    "sorry": "parse",
    "nothing": "parse",
}


@pytest.mark.promise("P85")
@pytest.mark.promise("P98")
def test_damage_costs_its_entry(mock_web: MockWeb, sourced: Sourced) -> None:
    mock_web.page(f"{AT}/index.xml", index(*map(page, MAPS)), headers=XML)
    for name, body in MAPS.items():
        if isinstance(body, Answer):
            mock_web.answer(page(name), body)
        else:
            text = body if isinstance(body, bytes) else body + ENDS.get(name, "")
            mock_web.page(page(name), text, headers=XML)
    for name in FINE - {"b1"}:
        mock_web.page(page(name), GOOD)
    mock_web.page(page("b1?x&y"), GOOD)
    run = sourced("--parse", "inline", "--delay", "0", f"{AT}/index.xml")
    check(run)
    assert paths(run) == FINE - {"b1"} | {"b1?x&y"}
    assert kinds(run) == FAILED
    said = {url.rpartition("/")[2]: each["message"] for url, each in run.failures.items()}
    assert "line 1: there is a control character in the URL" in said["control.xml#entry=2"]
    assert "<html> is not a sitemap" in said["sorry"]
    assert "inside the <url> of line 1" in said["lost.xml"]


@pytest.mark.promise("P85")
def test_a_sitemap_has_a_limit_of_its_own(mock_web: MockWeb, sourced: Sourced) -> None:
    """``--max-bytes`` is for pages; a sitemap may have 50 MiB, and of a larger one that is read."""
    urls = [page(f"p{number}") for number in range(20)]
    for url in urls:
        mock_web.page(url, GOOD)
    blanks = b" " * (MAX_SITEMAP_BYTES + 10)
    large = {
        "middle.xml": urlset(*urls[:5]).encode() + blanks[:2_000_000],
        "large.xml": urlset(*urls[5:10])[:-9].encode() + blanks + b"</urlset>",
        "packed.xml.gz": gzip.compress(urlset(*urls[10:15])[:-9].encode() + blanks, 1),
    }
    for name, body in large.items():
        mock_web.page(page(name), body, headers=XML)
    mock_web.answer(page("coded.xml"), coded(urlset(*urls[15:])[:-9].encode() + blanks))
    sources = [page(name) for name in (*large, "coded.xml")]
    run = sourced("--parse", "inline", "--delay", "0", "--max-bytes", "10000", *sources)
    check(run)
    assert set(run.pages) == set(urls)
    assert kinds(run) == dict.fromkeys(("large.xml", "packed.xml.gz", "coded.xml"), "too_large")


@pytest.mark.promise("P85")
def test_a_page_in_the_place_of_a_sitemap_is_named(
    mock_web: MockWeb, sourced: Sourced, caplog: pytest.LogCaptureFixture
) -> None:
    sources = [page("map.xml"), page("about.txt"), page("map.txt"), page("news.rss")]
    mock_web.page(sources[0], GOOD)
    mock_web.page(sources[1], "This is a text.")
    mock_web.page(sources[2], page("1"))
    mock_web.page(sources[3], f"<rss><item><link>{page('2')}</link></item></rss>")
    for name in "12":
        mock_web.page(page(name), GOOD)
    with caplog.at_level(logging.WARNING):
        run = sourced("--parse", "inline", "--delay", "0", *sources)
    check(run)
    assert paths(run) == {"map.xml", "about.txt", "1", "2"}
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert warnings == [
        f"{AT}/map.xml is not a sitemap: its root is <title>; it is crawled as a page"
    ]
