"""What is said of threads and processes follows from the figures alone."""

from collections.abc import Sequence

import msgspec
import pytest
from support.comparisons import COMPARISON

from crawler.compare.parsing_notes import notes
from crawler.compare.summary import by_contestant, summaries
from crawler.metrics.comparison import TimedRun
from crawler.metrics.report import Cpu, IoWait, Latency, Limit, Limiter, TimeBudget

PAGES = 1000
NOISE = (0.99, 1.0, 1.01, 1.0, 0.99)


def runs(
    parse: str,
    workers: int,
    speed: float,
    fetch: float,
    parsing: float,
    limit: Limiter = Limiter.CPU,
    engine: str = "curl",
) -> list[TimedRun]:
    """Runs at about ``speed`` pages/s; ``fetch`` and ``parsing`` are CPU seconds."""
    common = msgspec.structs.replace(
        COMPARISON.runs[0],
        engine=engine,
        parse=parse,
        workers=workers,
        pages=PAGES,
        cpu=Cpu(fetch, parsing),
        cpu_s_per_1000=fetch + parsing,
        io_wait=IoWait(),
        latency_ms=Latency(),
        budget=TimeBudget(descheduled=0.2 * PAGES / speed),
        limited_by=Limit(limit, "", ""),
    )
    return [
        msgspec.structs.replace(
            common, repeat=number, pages_per_s=speed * noise, wall_s=PAGES / speed / noise
        )
        for number, noise in enumerate(NOISE, 1)
    ]


INLINE = runs("inline", 0, 100, 9.6, 0)
THREAD = runs("thread", 2, 101, 1.9, 7.9, Limiter.LOCK)
PROCESS = runs("process", 2, 180, 2.6, 8.0)
LESS = runs("process", 1, 120, 2.6, 8.0)


def said(*made: Sequence[TimedRun], has_lock: bool = True) -> list[str]:
    by = by_contestant([run for each in made for run in each])
    return list(notes(by, summaries(by, 2, has_lock=has_lock), has_lock=has_lock))


def test_threads_that_take_turns_are_explained_by_the_lock() -> None:
    (note,) = said(THREAD, INLINE)
    assert note.startswith("thread with 2 workers was 1.01 times as fast as inline (95 %: 1.01 to ")
    assert "threads do not help here. lexbor and your own functions hold the" in note
    assert note.endswith("thread: fetching and parsing together used 0.99 CPU cores.")


def test_threads_that_help_are_not_explained_away() -> None:
    (note,) = said(runs("thread", 2, 130, 4.0, 7.0), INLINE)
    assert "was 1.30 times as fast as inline" in note
    assert "threads helped here" in note
    assert "do not help" not in note
    assert "together used 1.4 CPU cores" in note


def test_threads_that_wait_for_something_else_do_not_blame_the_lock() -> None:
    idle = runs("thread", 2, 101, 1.0, 3.0, Limiter.CONCURRENCY)
    (note,) = said(idle, INLINE)
    assert "the interpreter's lock (GIL) is not the reason" in note
    assert "used 0.4 CPU cores. It was limited by the response time of the server;" in note


@pytest.mark.parametrize("speed", [101, 170])
def test_a_build_without_a_lock_has_none_to_blame(speed: float) -> None:
    (note,) = said(runs("thread", 2, speed, 2.0, 9.0), INLINE, has_lock=False)
    assert f"was {speed / 100:.2f} times as fast as inline" in note
    assert "this build of Python has no interpreter lock (GIL)" in note
    assert "take turns" not in note


def test_threads_without_inline_have_no_ratio() -> None:
    note, _ = said(THREAD, PROCESS, LESS)
    assert note.startswith("thread with 2 workers: threads do not help here.")


def test_the_fastest_processes_are_compared_with_inline() -> None:
    (note,) = said(LESS, PROCESS, INLINE)
    assert note == (
        "process with 2 workers was 1.80 times as fast as inline (95 %: 1.80 to 1.80). Parsing "
        "took 8 s of CPU in the workers, and fetching 2.6 s instead of 9.6 s: 88 % of the parsing "
        "was taken off the fetch thread. With 2 cores it could be at most 1.9 times as fast, "
        "because computing on 2 cores takes 5.3 s. It was limited by the machine, which has too "
        "few cores; no CPU core was free for 20 % of the time."
    )


def test_without_inline_the_fewest_workers_are_the_measure() -> None:
    (note,) = said(LESS, PROCESS)
    assert note.startswith("process with 2 workers was 1.50 times as fast as process with 1 worker")
    assert "taken off" not in note


def test_processes_without_a_gain_are_not_praised() -> None:
    slow = runs("process", 2, 100, 2.6, 3.0, Limiter.CONCURRENCY)
    (note,) = said(slow, INLINE)
    assert "no gain from processes is shown." in note
    assert "limited by the response time of the server" in note


def test_the_part_of_the_replay_server_is_said() -> None:
    with_server = [msgspec.structs.replace(run, server_cpu_s=1.0) for run in PROCESS]
    (note,) = said(with_server, INLINE)
    assert note.endswith("and the replay server used 18 % of a core.")


@pytest.mark.parametrize("one", [THREAD, PROCESS])
def test_a_late_replay_server_leaves_nothing_to_say(one: list[TimedRun]) -> None:
    late = [msgspec.structs.replace(run, wait_error=0.3) for run in INLINE]
    (note,) = said(one, late)
    assert "that says nothing, because inline was limited by the replay server." in note
    assert "help" not in note and "gain" not in note


def test_each_engine_has_its_own_sentences() -> None:
    other = [runs(*way, engine="b") for way in (("inline", 0, 90, 9, 0), ("process", 2, 99, 3, 8))]
    found = said(PROCESS, INLINE, *other)
    assert [note.split(": ")[0] for note in found] == ["curl at 64", "b at 64"]


def test_engines_alone_teach_nothing_of_parsing() -> None:
    assert said(PROCESS, runs("process", 2, 90, 3, 8, engine="b")) == []
