"""What site owners say in robots.txt, in headers and in pages, and whom they say it to."""

from itertools import pairwise

import pytest
from e2e.promises.conftest import GOOD, Crawled, paths

from crawler.testing import MockWeb

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
