"""Medians of the runs, by contestant."""

import msgspec
import pytest
from support.comparisons import COMPARISON

from crawler.compare.summary import by_contestant, summaries
from crawler.metrics.comparison import TimedRun
from crawler.metrics.report import Cpu, Limit, Limiter


def made(parse: str, workers: int, cpu: Cpu) -> list[TimedRun]:
    limit = Limit(Limiter.CPU, "", "")
    some = {"parse": parse, "workers": workers, "cpu": cpu, "wall_s": 4.0, "limited_by": limit}
    return [msgspec.structs.replace(run, engine="curl", **some) for run in COMPARISON.runs]


THREAD = made("thread", 2, Cpu(1.0, 2.9))
INLINE = made("inline", 0, Cpu(3.8, 0.0))


def test_each_way_to_parse_has_its_own_runs() -> None:
    found = by_contestant([*THREAD, *INLINE])
    assert [len(runs) for runs in found.values()] == [4, 4]


def test_the_cores_used_are_computing_by_time() -> None:
    thread, inline = summaries(by_contestant([*THREAD, *INLINE]), 4)
    assert (thread.cores, inline.cores) == (pytest.approx(0.975), pytest.approx(0.95))
    assert (thread.cpu, thread.parse, thread.workers) == (Cpu(1.0, 2.9), "thread", 2)


@pytest.mark.parametrize(("has_lock", "parsers"), [(True, 0), (False, 2)])
def test_threads_parse_at_once_only_without_a_lock(has_lock: bool, parsers: int) -> None:
    (thread,) = summaries(by_contestant(THREAD), 4, has_lock=has_lock)
    assert thread.model.workers == parsers


def test_a_run_without_a_limit_is_limited_by_what_is_compared() -> None:
    (alone,) = summaries(by_contestant(INLINE), 4)
    assert alone.limited_by == "the engine"
    _, inline = summaries(by_contestant([*THREAD, *INLINE]), 4)
    assert inline.limited_by == "the CPU of the fetch thread"
