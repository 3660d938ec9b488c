"""Hosts that accept and never answer: the others finish hardly later than without them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.promises.conftest import GOOD, SIDE_BY_SIDE, Crawled

import crawler
from crawler.frontier import held_up
from crawler.pipeline import slot_watch
from crawler.testing import CLOSE, Answer, MockWeb, Seen, Step

pytestmark = [
    pytest.mark.promise("P79"),
    SIDE_BY_SIDE,
]
PAGE = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())


class Web(MockWeb):
    """Hosts ``silent…`` say nothing until all pages of the others were asked for.

    Those whose names have ``late`` answer their robots.txt before.
    """

    def __init__(self, good: set[str]) -> None:
        super().__init__(self._answer_or_not)
        self._missing = set(good)
        self.began = 0.0
        self.ended = 0.0

    def _answer_or_not(self, seen: Seen) -> Answer:
        self.began = self.began or seen.at
        is_robots = seen.target == "/robots.txt"
        if seen.host.startswith("silent") and not (is_robots and "late" in seen.host):
            return Answer(script=self._silence())
        self._missing.discard(seen.url)
        if not self._missing:
            self.ended = self.ended or time.monotonic()
        return Answer(404) if is_robots else PAGE

    def _silence(self) -> Iterator[Step]:
        while self._missing:
            yield 0.05
        yield CLOSE


def urls(kind: str, hosts: int, pages: int) -> list[str]:
    return [f"http://{kind}{host}.example/{page}" for page in range(pages) for host in range(hosts)]


def spread(bad: list[str], good: list[str]) -> list[str]:
    """The bad ones evenly among the good ones."""
    every = max(1, len(good) // len(bad))
    listed = list(good)
    for number, url in enumerate(bad):
        listed.insert(number * (every + 1), url)
    return listed


def seconds_to_last_good_page(
    crawled: Crawled, listed: list[str], name: str, **options: object
) -> float:
    good = {url for url in listed if "silent" not in url}
    with Web(good) as web:
        run = crawled(listed, name=name, **options)
    assert set(run.pages) == good
    assert set(run.failures) == set(listed) - good
    return web.ended - web.began


@pytest.mark.parametrize("silent", ["silent", "silent-late"])
def test_silent_hosts_hold_at_most_half_of_the_slots(
    crawled: Crawled, engine: str, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_up, "SHORTEST", 0.1)
    monkeypatch.setattr(slot_watch, "EVERY", 0.03)
    good, bad = urls("good", 60, 4), urls(silent, 24, 1)
    options = {"engine": engine, "parse": "inline", "concurrency": 8, "timeout": 10.0}
    without = seconds_to_last_good_page(crawled, good, "without", **options)
    taken = seconds_to_last_good_page(crawled, spread(bad, good), "with", **options)
    assert taken < 2.5 * max(without, 1.0)


def test_silent_hosts_do_not_take_the_place_of_the_last_pages(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --max-pages only so many requests are sent as pages are wanted."""
    monkeypatch.setattr(held_up, "SHORTEST", 0.1)
    monkeypatch.setattr(slot_watch, "EVERY", 0.03)
    good, bad = urls("good", 4, 1), urls("silent", 6, 1)
    with Web(set(good)) as web:
        report = crawler.crawl(
            [*bad, *good],
            engine=engine,
            parse="inline",
            robots=False,
            max_pages=3,
            timeout=20.0,
            run=tmp_path / "run",
        )
        ended = time.monotonic()
    assert (report.urls.done, report.urls.pending) == (3, 7)
    assert ended - web.began < 5.0


@pytest.mark.long
@pytest.mark.parametrize("is_first", [False, True], ids=["spread", "first"])
def test_a_hundred_silent_hosts_among_many(crawled: Crawled, engine: str, is_first: bool) -> None:
    """With the default timeout and the default number of slots."""
    good, bad = urls("good", 450, 10), urls("silent", 100, 1)
    options = {"engine": engine, "timeout": 30.0}
    without = seconds_to_last_good_page(crawled, good, "without", **options)
    listed = [*bad, *good] if is_first else spread(bad, good)
    taken = seconds_to_last_good_page(crawled, listed, "with", **options)

    assert taken < 2.5 * max(without, 3.0)
