"""Politeness is measured by host name: all ports and schemes of a host share it."""

from itertools import pairwise

import pytest
from e2e.promises.conftest import GOOD, Crawled, paths

from crawler.frontier import pace, retry
from crawler.testing import Answer, MockWeb, Seen

pytestmark = pytest.mark.promise("P76")
ORIGINS = ("http://a.example", "http://a.example:8080", "https://a.example", "http://a.example.:81")
TEXT = (("Content-Type", "text/plain"),)


def gaps(log: list[Seen]) -> list[float]:
    return [after.at - before.at for before, after in pairwise(log)]


def robots(*rules: str) -> Answer:
    return Answer(headers=TEXT, body="\n".join(("User-agent: *", *rules)).encode())


def test_all_ports_and_schemes_of_a_host_share_its_delay(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    urls = [f"{origin}/page{n}" for n, origin in enumerate(ORIGINS)]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", per_host=1, delay=0.05)
    assert set(run.pages) == set(urls)
    assert len(mock_web.seen) == 2 * len(ORIGINS)
    assert min(gaps(mock_web.seen)) >= 0.05


def test_each_origin_has_rules_of_its_own_and_the_longest_delay_holds(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    first, second, third = ORIGINS[:3]
    mock_web.answer(f"{first}/robots.txt", robots("Crawl-delay: 0.2"))
    mock_web.answer(f"{second}/robots.txt", robots("Crawl-delay: 0.1", "Disallow: /page"))
    urls = [f"{origin}/page{n}" for n, origin in enumerate((first, second, third))]
    for url in (*urls, f"{second}/open"):
        mock_web.page(url, GOOD)
    run = crawled([*urls, f"{second}/open"], engine=engine, parse="inline")
    assert set(run.skips) == {urls[1]}
    assert paths(run) == {"page0", "page2", "open"}
    assert mock_web.seen[0].target == "/robots.txt"
    assert min(gaps(mock_web.seen)) >= 0.2


def test_a_retry_after_holds_for_all_ports_and_schemes(
    mock_web: MockWeb, crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.4)
    monkeypatch.setattr(pace, "LEAST", 0.05)
    busy, *others = urls = [f"{origin}/page{n}" for n, origin in enumerate(ORIGINS)]
    for url in others:
        mock_web.page(url, GOOD)
    mock_web.answer(busy, Answer(503, (("Retry-After", "1"),)), Answer(body=GOOD.encode()))
    run = crawled(urls, engine=engine, parse="inline", robots=False, concurrency=1, retries=1)
    assert set(run.pages) == set(urls)
    assert mock_web.seen[0].url == busy
    assert mock_web.seen[1].at - mock_web.seen[0].at >= 0.4
