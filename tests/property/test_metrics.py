"""What must hold for any run: sums add up, percentiles are near, the timeline stays bounded."""

import math
import random
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.metrics.budget import Budget, BudgetState, Reading
from crawler.metrics.histogram import HIGH, LOW, Histogram
from crawler.metrics.meter import Meter
from crawler.metrics.sampling import estimate
from crawler.metrics.slots import Slots
from crawler.metrics.timeline import Timeline
from crawler.model.events import Counted, Fetched, Finished, Load
from crawler.model.exchange import Timing

STATES: tuple[BudgetState, ...] = ("waiting", "politeness", "starved", "backpressure")
IDLE = st.sampled_from(["politeness", "starved", "backpressure"])
step = st.floats(0, 100)
unhurried = settings(deadline=None)


@unhurried
@given(st.lists(st.tuples(step, step, step, st.sampled_from(STATES))))
def test_six_parts_add_up_to_the_wall_time(
    steps: list[tuple[float, float, float, BudgetState]],
) -> None:
    wall, cpu, descheduled = 1e5, 7.0, 3.0
    budget = Budget(Reading(wall, cpu, descheduled), "starved")
    for more_wall, more_cpu, more_descheduled, state in steps:
        wall, cpu, descheduled = wall + more_wall, cpu + more_cpu, descheduled + more_descheduled
        budget.close(Reading(wall, cpu, descheduled), state)
    parts = msgspec.structs.astuple(budget.parts())
    assert sum(parts) == pytest.approx(wall - 1e5, abs=1e-6)
    assert min(parts) >= 0


@unhurried
@given(st.integers(1, 100), st.lists(st.tuples(step, st.integers(0, 120), IDLE)), step)
def test_slots_add_up_to_concurrency_times_time(
    concurrency: int, loads: list[tuple[float, int, str]], rest: float
) -> None:
    now = 50.0
    slots = Slots(concurrency, now)
    for elapsed, in_flight, idle in loads:
        now += elapsed
        slots.close(now, in_flight, idle)  # type: ignore[arg-type]
    parts = msgspec.structs.astuple(slots.end(now + rest))
    assert sum(parts) == pytest.approx(concurrency * (now + rest - 50), abs=1e-6)
    assert min(parts) >= 0


@unhurried
@given(st.lists(st.tuples(step, st.floats(0, 2), st.integers(0, 8), IDLE)))
def test_a_whole_report_adds_up(loads: list[tuple[float, float, int, str]]) -> None:
    wall = cpu = 10.0
    meter = Meter(8, lambda: Reading(wall, cpu, 0.0))
    meter.start()
    for elapsed, busy, in_flight, idle in loads:
        wall, cpu = wall + elapsed, cpu + elapsed * busy
        meter.fold(Load(wall, in_flight, idle))  # type: ignore[arg-type]
    report = meter.finish(version="1", engine="curl", workers=2)
    assert report.wall_s == wall - 10
    assert sum(msgspec.structs.astuple(report.budget)) == pytest.approx(wall - 10, abs=1e-6)
    assert sum(msgspec.structs.astuple(report.slots)) == pytest.approx(8 * (wall - 10), abs=1e-6)
    assert report.io_wait.exposed_s == report.budget.waiting


@unhurried
@given(st.lists(st.floats(LOW, HIGH), min_size=1), st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_percentiles_are_within_one_percent(durations: list[float], q: float) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    truth = sorted(durations)[math.ceil(q * len(durations)) - 1]
    assert histogram.quantile(q) == pytest.approx(truth, rel=0.01)
    assert histogram.max == max(durations)


@unhurried
@given(st.lists(st.floats(0, 1e9)))
def test_percentiles_are_ordered_up_to_the_longest(durations: list[float]) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    p50, p90, p99 = (histogram.quantile(q) for q in (0.5, 0.9, 0.99))
    assert 0 <= p50 <= p90 <= p99 <= histogram.max


@unhurried
@given(st.integers(0, 400), st.integers(2, 40), st.integers(1, 50))
def test_the_timeline_is_bounded_and_evenly_sampled(count: int, limit: int, chunk: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timeline.jsonl"
        timeline = Timeline(path, 0.0, limit)
        for n in range(count):
            timeline.add(Fetched("http://a/", float(n), 0.0, Timing(), 200, 0))
            if n % chunk == 0:
                timeline.flush()
                assert path.read_bytes().count(b"\n") <= limit
        timeline.flush()
        drawn = [msgspec.json.decode(line)["t"] for line in path.read_bytes().splitlines()]
    stride = drawn[1] - drawn[0] if len(drawn) > 1 else max(1, count)
    assert drawn == list(range(0, count, int(stride)))
    assert len(drawn) >= min(count, limit // 2)


@unhurried
@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4), st.integers(0, 100))
def test_every_entry_is_counted_once(counts: list[int], done: int) -> None:
    meter = Meter(1, lambda: Reading(0.0, 0.0, 0.0))
    meter.fold(Counted(*counts))
    meter.fold(Finished(done=done))
    urls = meter.finish(version="1", engine="curl", workers=0).urls
    assert urls.finished + urls.pending == urls.input + urls.discovered == counts[0] + counts[2]


@unhurried
@given(st.lists(st.floats(0.001, 60), min_size=1, max_size=20), st.integers())
def test_a_baseline_interval_lies_within_the_extremes(times: list[float], seed: int) -> None:
    baseline = estimate(times, total=100, wall=10.0, rng=random.Random(seed))
    slack = 1 + 1e-9
    assert 100 * min(times) <= baseline.low_s * slack
    assert baseline.low_s <= baseline.high_s <= 100 * max(times) * slack
