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
