"""What site owners say in robots.txt, in headers and in pages, and whom they say it to."""

import gzip
from itertools import pairwise

import pytest
from e2e.promises.conftest import GOOD, Crawled, paths

from crawler.frontier.robots import MAX_BYTES
from crawler.testing import Answer, MockWeb

DELAYED = {
    "first": "User-agent: crawler\nCrawl-delay: {}\n\nUser-agent: *\nDisallow: /no",
    "last": "User-agent: *\nDisallow: /no\n\nUser-agent: crawler\nCrawl-delay: {}",
    "beside": "User-agent: crawler\nCrawl-delay: {}\n\nUser-agent: other\nDisallow: /yes\n\n"
    "User-agent: *\nDisallow: /no",
}
"""robots.txt by host: our group has only a delay. By the letter it would have other rules."""
DELAYS = {"first": "0,2", "last": "0.2s", "beside": "1e-1"}
"""Crawl-delay of each, 0.2 seconds or none."""


@pytest.mark.promise("P91", "P97")
def test_a_group_with_only_a_delay_has_the_rules_of_all(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    urls = []
    for host, text in DELAYED.items():
        mock_web.page(f"http://{host}.example/robots.txt", text.format(DELAYS[host]))
        urls += [f"http://{host}.example/{path}" for path in ("no", "yes", "yes2")]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline")
    assert {url: skip["reason"] for url, skip in run.skips.items()} == {
        f"http://{host}.example/no": "robots" for host in DELAYED
    }
    assert paths(run) == {"yes", "yes2"}
    for host in ("first", "last"):
        log = [seen.at for seen in mock_web.seen if seen.host == f"{host}.example"]
        assert len(log) == 3
        assert min(after - before for before, after in pairwise(log)) >= 0.2


SAYS = {
    "plain": ("", ()),
    "two-metas": ("<meta name=robots content=noindex><meta name=robots content=nofollow>", ()),
    "ours": ("<meta name=robots content=all><meta name=MyBot content=none>", ()),
    "others": ("<meta name=otherbot content=nofollow>", ()),
    "old-name": ("<meta name=crawler content=nofollow>", ()),
    "for-us": ("", (("X-Robots-Tag", "otherbot: noindex, mybot: nofollow"),)),
    "for-others": ("", (("X-Robots-Tag", "noindex, otherbot: nofollow"),)),
    "lines": ("", (("X-Robots-Tag", "otherbot: noindex"), ("x-robots-tag", "nofollow"))),
    "lines-of-others": ("", (("X-Robots-Tag", "otherbot: none"), ("X-Robots-Tag", "noindex"))),
    "date": ("", (("X-Robots-Tag", "unavailable_after: 25 Jun 2010 15:00:00 PST, nofollow"),)),
}
"""By name of a page: what its head has, and its headers."""
FOLLOWED = {"plain", "others", "old-name", "for-others", "lines-of-others"}
AGENTS = """\
User-agent: crawler
Disallow: /

User-agent: mybot
Disallow: /no
"""


@pytest.mark.promise("P90")
@pytest.mark.parametrize(
    "options",
    [
        {"user_agent": "Mozilla/5.0 (compatible; MyBot/2.1)"},
        {"header": ["uSER-aGENT: MyBot"]},
    ],
    ids=["option", "header"],
)
def test_what_is_said_to_us_is_obeyed(
    mock_web: MockWeb, crawled: Crawled, engine: str, options: dict[str, object]
) -> None:
    mock_web.page("http://a.example/robots.txt", AGENTS)
    mock_web.page("http://a.example/no", GOOD)
    for name, (head, headers) in SAYS.items():
        body = f'<title>{name}</title>{head}<a href="/from-{name}">x</a>'
        mock_web.page(f"http://a.example/{name}", body, headers=headers)
        mock_web.page(f"http://a.example/from-{name}", GOOD)
    urls = [f"http://a.example/{name}" for name in (*SAYS, "no")]
    run = crawled(urls, engine=engine, parse="inline", follow=True, **options)
    assert paths(run) == {*SAYS, *(f"from-{name}" for name in FOLLOWED)}
    assert {url: skip["reason"] for url, skip in run.skips.items()} == {
        "http://a.example/no": "robots"
    }
    assert all(run.pages[url]["links"] for url in urls if url in run.pages)


RULES = "User-agent: *\nDisallow: /no\n"
LONG = "".join(f"# {number}\n" for number in range(200_000))
"""More than 500 KiB; its gzip is more than ``--max-bytes``."""
FILES = {
    "short": RULES + "#" * 2000,
    "long": f"{RULES}{LONG}Disallow: /yes",
    "cut": (RULES + "#" * MAX_BYTES)[: MAX_BYTES - 12] + "\nDisallow: /yes",
    "ends": (RULES + "#" * MAX_BYTES)[: MAX_BYTES - 14] + "\nDisallow: /no2\n" + LONG,
}
"""robots.txt by host, all longer than ``--max-bytes``."""


@pytest.mark.promise("P90")
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_500_kib_of_robots_txt_are_read_whatever_max_bytes_is(
    mock_web: MockWeb, crawled: Crawled, engine: str, coding: str
) -> None:
    headers = (("Content-Encoding", coding),) if coding else ()
    for host, text in FILES.items():
        body = gzip.compress(text.encode(), 1) if coding else text.encode()
        mock_web.page(f"http://{host}.example/robots.txt", body, headers=headers)
    urls = [f"http://{host}.example/{path}" for host in FILES for path in ("no", "no2", "yes")]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", max_bytes=100)
    assert run.failures == {}
    assert {url for url in run.pages if not url.endswith("/yes")} == set()
    assert {url.split("/")[2] for url in run.pages} == {f"{host}.example" for host in FILES}


@pytest.mark.promise("P90")
def test_robots_txt_that_never_ends_is_read(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + RULES.encode()
    endless = Answer(script=(head, *(LONG.encode()[:100_000] for _ in range(1_000))))
    mock_web.answer("http://a.example/robots.txt", endless)
    urls = ["http://a.example/no", "http://a.example/yes"]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline")
    assert paths(run) == {"yes"}
    assert set(run.skips) == {"http://a.example/no"}
