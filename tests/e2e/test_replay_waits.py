"""The waits of a replay are those that were recorded, whatever the engine and however many."""

from pathlib import Path
from typing import Any

import pytest
from support.engines import ENGINES

import crawler
from crawler.localweb.replay import Replay
from crawler.localweb.replay_server import replayed, waits
from crawler.model.exchange import Response, Timing
from crawler.sinks.warc.archive import Archive
from crawler.testing import Answer, MockWeb, Seen

SHORT, MANY = 0.02, 64
"""The shortest wait (seconds) and the most fetches at once at which the sum is promised."""
SHARE = 0.05
"""By how much of it the sum may differ."""
PAGES = 640
SLOW = 0.3
"""Seconds that each of the slow pages takes; much more than all else that a crawl waits for."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """An archive of pages that take 20 to 30 ms, asked for 64 at once, and their URLs."""
    folder = tmp_path_factory.mktemp("recorded")
    urls = [f"http://h{number % 8}.example/{number}" for number in range(PAGES)]

    def answer(seen: Seen) -> Answer:
        number = int(seen.target[1:])
        return Answer(body=b"x" * 20_000, latency=SHORT * (1 + number % 3 / 4))

    with MockWeb(answer):
        crawler.crawl(
            urls, run=folder / "run", record=folder / "r.warc", robots=False, concurrency=MANY,
            parse="none",
        )  # fmt: skip
    return folder / "r.warc", urls


@pytest.mark.parametrize("engine", ENGINES)
def test_many_replayed_waits_add_up_as_recorded(
    recorded: tuple[Path, list[str]], tmp_path: Path, engine: str
) -> None:
    """Handshakes apart; others on the machine can disturb it, so the best of a few counts."""
    archive, urls = recorded
    alone = engine == "sequential"
    urls = urls[: PAGES // 8] if alone else urls
    with Archive(archive) as known:
        answers = [known.answer(url) for url in urls]
    total = sum(answer.timing.answer for answer in answers if isinstance(answer, Response))
    assert total > len(urls) * SHORT
    options: dict[str, Any] = {"engine": engine, "robots": False, "parse": "none"}
    shares = []
    with Replay(archive, last=True):
        for number in range(6):
            slots = 1 if alone else MANY
            report = crawler.crawl(urls, run=tmp_path / str(number), concurrency=slots, **options)
            assert report.urls.done == len(urls)
            shares.append((report.io_wait.total_s - report.io_wait.handshake_s) / total)
            if abs(shares[-1] - 1) <= SHARE:
                return
    pytest.fail(f"the replays took {shares} of what was recorded, {total:.2f} s")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], float]:
    """The archive of slow pages, their URLs, and the seconds that their answers took."""
    folder = tmp_path_factory.mktemp("slow")
    urls = [f"http://slow.example/{number}" for number in range(8)]
    with MockWeb() as web:
        for url in urls:
            web.page(url, "<title>slow</title>", latency=SLOW)
        crawler.crawl(urls, run=folder / "run", record=folder / "slow.warc", robots=False)
    with Archive(folder / "slow.warc") as archive:
        answers = [archive.answer(url) for url in urls]
    total = sum(answer.timing.answer for answer in answers if isinstance(answer, Response))
    assert total >= len(urls) * SLOW * 0.9
    return folder / "slow.warc", urls, total


@pytest.mark.parametrize("engine", ENGINES)
def test_latency_scale_changes_the_replayed_waits(
    slow: tuple[Path, list[str], float], tmp_path: Path, engine: str
) -> None:
    archive, urls, total = slow
    options: dict[str, Any] = {"engine": engine, "robots": False, "parse": "inline"}
    with Replay(archive):
        same = crawler.crawl(urls, run=tmp_path / "same", **options)
    with Replay(archive, latency_scale=0):
        none = crawler.crawl(urls, run=tmp_path / "none", **options)
    assert same.urls.done == none.urls.done == len(urls)
    # A busy machine makes waits longer, never shorter than the recorded less the kernel's tick.
    assert 0.95 * total < same.io_wait.total_s < 1.5 * total
    assert none.io_wait.total_s < 0.5 * total


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (Timing(), (0, 0)),
        (Timing(answer=0.3, first_byte=0.25, connect=0.1, tls=0.05), (0.1, 0.2)),
        (Timing(answer=0.3, first_byte=0.9), (0.3, 0)),
        (Timing(answer=0.3, first_byte=0.1, connect=0.2), (0, 0.3)),
        (Timing(answer=float("nan"), first_byte=float("nan")), (0, 0)),
    ],
)
def test_a_wait_is_split_at_the_first_byte(timing: Timing, expected: tuple[float, float]) -> None:
    assert waits(timing) == pytest.approx(expected)


def test_the_second_half_of_a_body_waits() -> None:
    timing = Timing(answer=0.5, first_byte=0.1)
    answer = replayed(Response(200, (), b"x" * 100, timing), 2.0)
    first, pause, second = answer.script
    assert answer.latency == pytest.approx(0.2)
    assert pause == pytest.approx(0.8)
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    assert (first + second).endswith(b"Content-Length: 100\r\n\r\n" + b"x" * 100)
    assert 50 <= len(second) <= 51


def test_a_very_short_pause_is_left_out() -> None:
    timing = Timing(answer=0.104, first_byte=0.1)
    assert replayed(Response(200, (), b"x", timing), 1.0).script == ()
