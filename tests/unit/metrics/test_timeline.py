import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.metrics.timeline import Timeline, line
from crawler.model.errors import FailureKind, StateError
from crawler.model.events import Fetched
from crawler.model.exchange import Timing

TIMES = st.floats(0, 100)


def fetched(n: int, timing: Timing = Timing()) -> Fetched:  # noqa: B008
    return Fetched(f"http://a/{n}", 100.0 + n, 0.5, timing, 200, 10)


def numbers(path: Path) -> list[int]:
    lines = path.read_bytes().splitlines()
    return [int(msgspec.json.decode(line)["url"].rpartition("/")[2]) for line in lines]


def test_a_timeline_line_has_every_phase(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    timeline = Timeline(path, started=90.0)
    timing = Timing(
        connect=1, tls=2, answer=9, first_byte=7, buffered=3, total=15, dns=4, method="kernel"
    )
    timeline.add(fetched(0, timing))
    timeline.flush()
    assert msgspec.json.decode(path.read_bytes()) == {
        "url": "http://a/0",
        "t": 10.0,
        "queued": 0.5,
        "dns": 4.0,
        "connect": 1.0,
        "tls": 2.0,
        "wait": 4.0,
        "receive": 5.0,
        "buffered": 3.0,
        "total": 15.0,
        "status": 200,
        "error": None,
        "reused": False,
        "method": "kernel",
        "sure": True,
    }


def test_a_failed_fetch_names_its_error(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    timeline = Timeline(path, started=0.0)
    timeline.add(Fetched("http://a/", 1.0, 0.0, Timing(total=5), None, 0, FailureKind.TIMEOUT))
    timeline.flush()
    found = msgspec.json.decode(path.read_bytes())
    assert (found["status"], found["error"], found["wait"]) == (None, "timeout", 5.0)


@given(connect=TIMES, tls=TIMES, first_byte=TIMES, buffered=TIMES, more=TIMES)
def test_phases_always_add_up_to_the_total(
    connect: float, tls: float, first_byte: float, buffered: float, more: float
) -> None:
    timing = Timing(connect, tls, 0.0, first_byte, buffered, total=connect + tls + more)
    made = line(fetched(0, timing), started=0.0)
    rest = made.wait, made.receive, made.buffered
    assert made.connect + made.tls + sum(rest) == pytest.approx(made.total, abs=1e-5)
    assert min(rest) >= 0


@given(st.floats(0, 1e6))
def test_times_are_rounded_to_a_microsecond(seconds: float) -> None:
    made = line(fetched(0, Timing(total=seconds)), started=0.0)
    assert made.total == pytest.approx(seconds, abs=0.5001e-6)
    digits = repr(made.total).partition(".")[2]
    assert len(digits) <= 6 or "e" in digits


def test_buffered_time_is_not_waiting() -> None:
    made = line(fetched(0, Timing(first_byte=0.1, buffered=0.04, total=0.1)), started=0.0)
    assert (made.wait, made.receive, made.buffered) == pytest.approx((0.06, 0.0, 0.04))


def test_a_run_may_start_after_its_timeline(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    timeline = Timeline(path)
    timeline.start(60.0)
    timeline.add(fetched(0))
    timeline.flush()
    assert msgspec.json.decode(path.read_bytes())["t"] == 40.0


def test_flush_writes_and_replaces_an_old_file(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    path.write_text("old\n")
    timeline = Timeline(path, started=0.0)
    timeline.add(fetched(1))
    assert path.read_bytes() == b""
    timeline.flush()
    timeline.flush()
    assert numbers(path) == [1]


@pytest.mark.parametrize("flushed_every", [1, 7, 1000])
def test_a_full_timeline_is_thinned_evenly(tmp_path: Path, flushed_every: int) -> None:
    path = tmp_path / "timeline.jsonl"
    timeline = Timeline(path, started=0.0, limit=100)
    for n in range(1000):
        timeline.add(fetched(n))
        if n % flushed_every == flushed_every - 1:
            timeline.flush()
            assert len(path.read_bytes().splitlines()) <= 100
    timeline.flush()
    assert numbers(path) == list(range(0, 1000, 16))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_adding_and_flushing_may_run_in_parallel(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    timeline = Timeline(path, started=0.0, limit=64)
    added = threading.Event()

    def produce() -> None:
        for n in range(20_000):
            timeline.add(fetched(n))
        added.set()

    producer = threading.Thread(target=produce)
    producer.start()
    while not added.is_set():
        timeline.flush()
    producer.join()
    timeline.flush()
    assert numbers(path) == list(range(0, 20_000, 512))


@pytest.mark.promise("P37")
def test_an_unwritable_timeline_is_reported_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"timeline\.jsonl: No such file"):
        Timeline(tmp_path / "none" / "timeline.jsonl")
    path = tmp_path / "timeline.jsonl"
    timeline = Timeline(path)
    path.unlink()
    path.mkdir()
    timeline.add(fetched(1))
    with pytest.raises(StateError, match=r"timeline\.jsonl: Is a directory"):
        timeline.flush()
