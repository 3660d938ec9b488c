"""Ten sessions that end in order are as polite as one, by the log of the server that was asked."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from e2e.conftest import Run

import crawler
from crawler.frontier.host_memory import UNSEEN
from crawler.frontier.state.store import Store
from crawler.testing import RESET, Answer, MockWeb

SESSIONS = 10
CRAWL_DELAY = 0.1
ATTEMPTS = 4
PAUSE = 0.3
"""Seconds before the first retry; half of it is random, and each further one is doubled."""
ROBOTS = f"User-agent: *\nDisallow: /no\nCrawl-delay: {CRAWL_DELAY}"
CLOCKS = 0.002
"""Seconds by which the clock of the file and the monotonic one may differ."""


def sessions(urls: list[str], directory: Path, **options: object) -> Iterator[None]:
    """Crawl a page in each session, and the rest in the last one."""
    run = str(directory)
    for number in range(1, SESSIONS):
        crawler.crawl(urls, run=run, resume=number > 1, max_pages=number, **options)
        yield
    crawler.crawl(urls, run=run, resume=True, max_pages=None, **options)
    yield


@pytest.mark.promise("P74")
def test_ten_sessions_are_as_polite_as_one(mock_web: MockWeb, tmp_path: Path, engine: str) -> None:
    site = "http://a.example"
    mock_web.page(f"{site}/robots.txt", ROBOTS)
    mock_web.answer(f"{site}/bad", Answer(500))
    pages = [f"{site}/{number}" for number in range(SESSIONS)]
    for url in pages:
        mock_web.page(url, "<title>fine</title>")
    options = {
        "engine": engine,
        "parse": "inline",
        "delay": CRAWL_DELAY / 3,
        "retry": (f"status:500={ATTEMPTS - 1},{PAUSE}",),
    }
    urls = [f"{site}/bad", f"{site}/no", *pages]
    for _ in sessions(urls, tmp_path / "run", **options):
        with closing(Store.open(tmp_path / "run" / "state.db")) as store:
            assert store.ended is not None
    run = Run(subprocess.CompletedProcess((), 0, "", ""), tmp_path / "run")
    assert set(run.pages) == set(pages)
    assert run.failures[f"{site}/bad"]["attempts"] == ATTEMPTS
    assert set(run.skips) == {f"{site}/no"}
    gaps = [after.at - before.at for before, after in pairwise(mock_web.seen)]
    assert min(gaps) >= CRAWL_DELAY - CLOCKS
    assert max(gaps) < UNSEEN, "a resume waited longer than the site asked for"
    assert len(mock_web.requests(f"{site}/robots.txt")) == 1
    tries = mock_web.requests(f"{site}/bad")
    assert len(tries) == ATTEMPTS
    waits = [after.at - before.at for before, after in pairwise(tries)]
    assert all(wait >= PAUSE * 2**n / 2 - CLOCKS for n, wait in enumerate(waits))
    assert mock_web.requests(f"{site}/no") == []


@pytest.mark.promise("P74", "P45")
@pytest.mark.parametrize("robots", [True, False])
def test_a_silent_site_is_given_up_as_in_one_session(
    mock_web: MockWeb, tmp_path: Path, robots: bool
) -> None:
    """It rests for a second, also if none of the sessions is so long."""
    dead = ["http://dead.example/1", "http://dead.example/2"]
    for url in (*dead, "http://dead.example/robots.txt"):
        mock_web.answer(url, Answer(script=(RESET,)))
    pages = [f"http://a.example/{number}" for number in range(SESSIONS)]
    for url in pages:
        mock_web.page(url, "<title>fine</title>")
    options = {
        "parse": "inline",
        "robots": robots,
        "delay": 0.12,
        "patience": 10.0,
        "concurrency": 1,
    }
    for _ in sessions([*dead, *pages], tmp_path / "run", **options):
        pass
    run = Run(subprocess.CompletedProcess((), 0, "", ""), tmp_path / "run")
    assert set(run.pages) == set(pages)
    assert set(run.failures) == set(dead)
    asked = [seen for seen in mock_web.seen if seen.host == "dead.example"]
    assert len(asked) == 2, "the first request, and a probe after a second"
    assert asked[1].at - asked[0].at > 1.0
    assert sum(failure["attempts"] for failure in run.failures.values()) == (0 if robots else 2)
