"""--memory: bodies are bounded while they arrive."""

from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Run, Serve

from crawler.testing import Answer

LIMIT = 20
"""Megabytes."""
BODIES = 40
LARGE = Answer(body=b"x" * 3_000_000)
SMALL = Answer(body=b"x" * 4_000)


@pytest.fixture
def crawl_bodies(serve: Serve, crawl: Crawl, engine: str) -> Callable[..., Run]:
    """Fetch the same body many times at once, in a process of its own."""

    def run(name: str, answer: Answer, count: int, limit: int, *more: object) -> Run:
        site = serve({f"/{number}": answer for number in range(count)})
        lines = "\n".join(site.url(f"/{number}") for number in range(count))
        slots = 1 if engine == "sequential" else count
        options = ("--engine", engine, "--concurrency", slots, "--memory", f"{limit}MB")
        usual = ("--no-robots", "--retries", "0", "--quiet")
        ended = crawl(*usual, *options, *more, lines=lines, name=name)
        assert ended.code == 0, ended.err
        assert len(ended.pages) == count
        assert {page["bytes"] for page in ended.pages.values()} == {len(answer.body)}
        return ended

    return run


@pytest.mark.promise("P60")
def test_bodies_are_bounded_while_they_arrive(crawl_bodies: Callable[..., Run]) -> None:
    idle = crawl_bodies("idle", SMALL, BODIES, LIMIT, "--parse", "none").report
    full = crawl_bodies("full", LARGE, BODIES, LIMIT, "--parse", "none").report
    assert full["rss_peak_mb"] - idle["rss_peak_mb"] < 2 * LIMIT
    slots = full["slots"]
    if full["concurrency"] > 1:
        assert slots["backpressure"] > slots["used"] / 4


@pytest.mark.promise("P60")
@pytest.mark.long
def test_many_large_bodies_are_bounded(crawl_bodies: Callable[..., Run], tmp_path: Path) -> None:
    answer = Answer(body=b"x" * 9_900_000)
    idle = crawl_bodies("idle", SMALL, 256, 100, "--timeout", "100").report
    full = crawl_bodies("full", answer, 256, 100, "--timeout", "100").report
    # Two parse workers have a body each, too, and need several times its size.
    assert full["rss_peak_mb"] - idle["rss_peak_mb"] < 250
