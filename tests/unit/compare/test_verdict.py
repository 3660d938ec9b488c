"""What is said of two engines, by the runs they made."""

from collections.abc import Sequence

import pytest

from crawler.compare.verdict import judge, recommend, withholding
from crawler.metrics.comparison import RunOutcome, TimedRun, Verdict
from crawler.metrics.contestants import Contestant
from crawler.metrics.report import Cpu, IoWait, Latency, Limit, Limiter, SlotSeconds, TimeBudget

A, B = Contestant("a", 8), Contestant("b", 8)


def runs(
    contestant: Contestant,
    speeds: Sequence[float],
    limit: Limiter = Limiter.CPU,
    server: float | None = 0.1,
    cpu: float = 1.0,
) -> list[TimedRun]:
    """A run of 100 pages for each of ``speeds`` (pages/s); ``server`` is the share of its core."""
    return [
        TimedRun(
            contestant.engine,
            contestant.concurrency,
            number,
            100 / speed,
            100,
            speed,
            1.0,
            Cpu(),
            cpu,
            50.0,
            Latency(),
            IoWait(),
            TimeBudget(),
            SlotSeconds(),
            {},
            Limit(limit, "", ""),
            server_cpu_s=None if server is None else server * 100 / speed,
            parse=contestant.parse,
            workers=contestant.workers,
        )
        for number, speed in enumerate(speeds, 1)
    ]


FAST, SLOW = [100.0, 102, 98, 101, 99], [80.0, 81, 79, 80, 80]


def verdict(one: list[TimedRun], other: list[TimedRun], withheld: str | None = None) -> Verdict:
    (found,) = judge({A: one, B: other}, withheld, 4)
    return found


def test_the_faster_is_named_in_any_order() -> None:
    first = verdict(runs(A, FAST), runs(B, SLOW))
    assert (first.what, first.a, first.b) == (RunOutcome.FASTER, "a", "b")
    assert first.says.startswith("a is 25 % faster than b at 8 (95 %: ")
    assert first.ratio == pytest.approx(1.25, abs=0.02)
    second = verdict(runs(A, SLOW), runs(B, FAST))
    assert second.says.startswith("b is 25 % faster than a at 8 (95 %: ")
    assert second.ratio == pytest.approx(0.8, abs=0.02)


def test_several_times_is_not_a_percentage() -> None:
    found = verdict(runs(A, [3 * speed for speed in FAST]), runs(B, SLOW))
    assert found.says.startswith("a is 3.8 times as fast as b at 8 (95 %: ")


def test_a_tiny_difference_is_none() -> None:
    found = verdict(runs(A, [102.0] * 5), runs(B, [100.0] * 5))
    assert found.what is RunOutcome.NO_DIFFERENCE
    assert found.low == found.high == pytest.approx(1.02)


def test_one_contrary_pair_of_five_means_no_difference() -> None:
    found = verdict(runs(A, [*FAST[:4], 81]), runs(B, SLOW))
    assert found.what is RunOutcome.NO_DIFFERENCE


@pytest.mark.parametrize(
    ("limit", "server", "says"),
    [
        (Limiter.POLITENESS, 0.1, "politeness"),
        (Limiter.CONCURRENCY, None, "the response time of the server"),
        (Limiter.CPU, 0.9, "the replay server"),
        (Limiter.MACHINE, 0.1, "the machine"),
    ],
)
def test_equals_limited_by_something_else_are_limited(
    limit: Limiter, server: float | None, says: str
) -> None:
    found = verdict(runs(A, FAST, limit, server), runs(B, FAST, limit, server))
    assert found.what is RunOutcome.LIMITED
    assert says in found.says
    assert says in (found.limited_by or "")


def test_equals_with_one_limited_show_no_difference() -> None:
    found = verdict(runs(A, FAST, Limiter.POLITENESS), runs(B, FAST))
    assert found.what is RunOutcome.NO_DIFFERENCE


@pytest.mark.parametrize(("limit", "server"), [(Limiter.CPU, 0.9), (Limiter.POLITENESS, 0.1)])
def test_a_slower_run_must_limit_itself(limit: Limiter, server: float) -> None:
    slowed = verdict(runs(A, FAST), runs(B, SLOW, limit, server))
    assert slowed.what is RunOutcome.LIMITED
    assert ", not by itself" in slowed.says
    ahead = verdict(runs(A, FAST, limit, server), runs(B, SLOW))
    assert ahead.what is RunOutcome.FASTER


def test_the_server_counts_towards_a_full_machine() -> None:
    """100 pages in a second take 3.5 of 4 cores, and the server half of one."""
    made = runs(A, [100.0] * 5, server=0.5, cpu=35.0)
    assert verdict(made, made).limited_by == "the machine, which has too few cores"
    less = runs(A, [100.0] * 5, server=0.0, cpu=35.0)
    assert verdict(less, less).limited_by is None


def test_a_withheld_verdict_has_no_figure() -> None:
    found = verdict(runs(A, FAST), runs(B, SLOW), "they differ")
    assert found.what is RunOutcome.WITHHELD
    assert "because they differ" in found.says
    assert (found.ratio, found.low, found.high) == (None, None, None)


def test_each_reason_withholds_the_verdict() -> None:
    assert withholding(True, True, 5) is None
    assert "parity" in (withholding(False, True, 5) or "")
    assert "results of the runs differ" in (withholding(True, False, 5) or "")
    assert "at least 5 pairs of runs, and there are 4" in (withholding(True, True, 4) or "")


def test_the_fastest_is_recommended() -> None:
    found = recommend({A: runs(A, SLOW), B: runs(B, FAST)})
    assert (found.engine, found.concurrency) == ("b", 8)
    assert "fastest" in found.because


def test_equals_are_ranked_by_concurrency_then_cpu() -> None:
    more = Contestant("a", 64)
    made = {
        more: runs(more, [*FAST[:4], 100.0], cpu=0.1),
        A: runs(A, FAST, cpu=2.0),
        B: runs(B, FAST, cpu=1.0),
    }
    found = recommend(made)
    assert (found.engine, found.concurrency) == ("b", 8)
    assert "a at 64" in found.because


INLINE, TWO = Contestant("a", 8, "inline"), Contestant("a", 8, "process", 2)
THREADS = Contestant("a", 8, "thread", 2)


def test_ways_to_parse_are_judged_by_their_names() -> None:
    (found,) = judge({TWO: runs(TWO, FAST), INLINE: runs(INLINE, SLOW)}, None, 4)
    assert found.says.startswith("process with 2 workers is 25 % faster than inline (95 %: ")
    assert found.pair == (TWO, INLINE)
    assert (found.a, found.b, found.a_workers, found.b_parse) == ("a", "a", 2, "inline")


def test_the_engine_is_named_where_engines_differ_too() -> None:
    other = Contestant("b", 8, "inline")
    made = {each: runs(each, FAST) for each in (TWO, INLINE, other)}
    one, two = judge(made, None, 4)
    assert one.says.startswith("process with 2 workers and inline, with a at 8: no difference")
    assert two.says.startswith("a and b at 8, inline: no difference")


def test_threads_that_take_turns_are_limited_by_the_lock() -> None:
    more = Contestant("a", 8, "thread", 4)
    made = {each: runs(each, FAST, Limiter.LOCK) for each in (THREADS, more)}
    (found,) = judge(made, None, 4)
    assert found.what is RunOutcome.LIMITED
    assert found.says.endswith("both were limited by the interpreter's lock.")


def test_of_equals_the_fewest_workers_are_recommended() -> None:
    made = {TWO: runs(TWO, FAST, cpu=1.0), INLINE: runs(INLINE, FAST, cpu=2.0)}
    found = recommend(made)
    assert (found.engine, found.parse, found.workers) == ("a", "inline", 0)
    assert "it has the fewest parse workers, then the least CPU (2.0 s" in found.because
    assert found.because.endswith("Equally fast: process with 2 workers.")


def test_fewer_requests_count_more_than_fewer_workers() -> None:
    slots = Contestant("a", 64, "inline")
    found = recommend({slots: runs(slots, FAST), TWO: runs(TWO, FAST)})
    assert (found.concurrency, found.parse) == (8, "process")
    assert "the fewest requests in flight, then the fewest parse workers" in found.because
