"""The report of the whole is that of its parts, however its events are distributed over them."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sessions import BEGAN, DRIVER, session, shard

from crawler.metrics.histogram import HIGH, LOW, Histogram
from crawler.metrics.merge import merge
from crawler.metrics.report import Urls
from crawler.metrics.time_axis import SessionSpan, TimeAxis, responses_per_second
from crawler.model.errors import FailureKind, SkipReason
from crawler.model.events import Counted, Event, Fetched, Finished
from crawler.model.exchange import Timing
from crawler.model.pages import Failure, Skipped
from crawler.reporting.html.sharded_files import even_sample

unhurried = settings(deadline=None)
seconds = st.integers(0, 100).map(float)
"""Their sums are exact, in any order."""
timings = st.builds(
    Timing,
    connect=seconds,
    tls=seconds,
    answer=seconds,
    total=seconds,
    dns=seconds,
    reused=st.booleans(),
    method=st.sampled_from(["kernel", "library"]),
    sure=st.booleans(),
    off=seconds,
    resumed=st.booleans(),
)
failures = st.builds(Failure, st.just("http://a/"), st.sampled_from(FailureKind), st.just(""))
skips = st.builds(Skipped, st.just("http://a/"), st.sampled_from(SkipReason), st.just(""))
events = st.one_of(
    st.builds(
        Fetched,
        st.sampled_from(["http://a/", "https://a/"]),
        st.just(100.0),
        seconds,
        timings,
        st.sampled_from([200, 404, None]),
        st.just(1),
    ),
    st.builds(
        Finished,
        done=st.integers(0, 5),
        failed=st.lists(failures, max_size=3).map(tuple),
        skipped=st.lists(skips, max_size=3).map(tuple),
        body_bytes=st.integers(0, 1000),
        parse_cpu=seconds,
        cached=st.integers(0, 3),
    ),
    st.builds(Counted, *[st.integers(0, 9)] * 4),
)
parts = st.lists(st.lists(events, max_size=12), min_size=1, max_size=6)


def flat(value: object) -> dict[str, float]:
    """Every number in a record, by its path."""
    if isinstance(value, dict):
        pairs = (
            (f"{name}.{path}", n) for name, each in value.items() for path, n in flat(each).items()
        )
        return {path: n for path, n in pairs if n}
    return {"": value} if isinstance(value, int | float) else {}


@unhurried
@given(parts)
def test_a_whole_is_the_sum_of_its_parts(parts: list[list[Event]]) -> None:
    """What does not depend on how the time of the parts overlapped."""
    everything = [event for part in parts for event in part]
    one = merge([shard(session(everything, wall=60.0, cpu=6.0))], DRIVER)
    size = len(parts)
    many = merge([shard(session(part, wall=60.0 / size, cpu=6.0 / size)) for part in parts], DRIVER)
    for name in ("urls", "bytes", "status", "errors", "skips", "latency_ms", "connections"):
        assert getattr(many, name) == getattr(one, name), name
    assert many.io_wait.method == one.io_wait.method
    for name in ("io_wait", "budget", "slots", "cpu"):
        found, expected = (flat(msgspec.to_builtins(getattr(each, name))) for each in (many, one))
        assert found == pytest.approx(expected, abs=1e-6), name


@unhurried
@given(st.lists(st.lists(st.floats(LOW, HIGH)), max_size=5))
def test_merged_histograms_are_that_of_all_durations(parts: list[list[float]]) -> None:
    whole, merged = Histogram(), Histogram()
    for part in parts:
        own = Histogram()
        for duration in part:
            own.add(duration)
            whole.add(duration)
        merged.merge(own.counts(), own.max)
    assert (merged.counts(), merged.max) == (whole.counts(), whole.max)
    assert merged.percentiles() == whole.percentiles()
    assert sum(merged.counts().values()) == sum(map(len, parts))
    assert 0 not in merged.counts().values()


urls = st.builds(Urls, *[st.integers(0, 99)] * 8)


@given(st.lists(urls, min_size=1))
def test_the_entries_of_shards_balance_together(states: list[Urls]) -> None:
    balanced = [
        msgspec.structs.replace(each, pending=each.input + each.discovered - each.finished)
        for each in states
    ]
    whole = merge([shard(urls=each) for each in balanced], DRIVER).urls
    assert whole.finished + whole.pending == whole.input + whole.discovered
    assert whole.duplicates == sum(each.duplicates for each in states)


# the time axis


@st.composite
def session_spans(draw: st.DrawFn) -> list[SessionSpan]:
    bounds = st.tuples(st.integers(0, 500), st.integers(0, 60), st.integers(0, 1000))
    found = draw(st.lists(bounds, min_size=1, max_size=20))
    return [SessionSpan(BEGAN + start, BEGAN + start + long, n) for start, long, n in found]


@unhurried
@given(session_spans())
def test_the_axis_has_every_second_of_a_session_once(spans: list[SessionSpan]) -> None:
    covered = {second for each in spans for second in range(int(each.start), int(each.end))}
    axis = TimeAxis(spans)
    assert axis.length == len(covered)
    for span in spans:
        assert axis.at(span.end) - axis.at(span.start) == span.end - span.start
        assert 0 <= axis.at(span.start) <= axis.at(span.end) <= axis.length


@unhurried
@given(session_spans(), st.integers(1, 50))
def test_every_response_of_a_session_is_in_the_chart(spans: list[SessionSpan], steps: int) -> None:
    axis = TimeAxis(spans)
    if axis.length:
        found = responses_per_second(spans, axis, steps)
        lasting = [each.responses for each in spans if each.end > each.start]
        assert sum(found) * axis.length / steps == pytest.approx(sum(lasting), abs=1e-6)
        assert len(found) == steps and min(found) >= 0


@unhurried
@given(st.integers(0, 3000), st.integers(1, 100))
def test_a_sample_is_even_and_bounded(count: int, most: int) -> None:
    sample = even_sample(iter(range(count)), most)
    stride = sample[1] - sample[0] if len(sample) > 1 else max(1, count)
    assert sample == list(range(0, count, stride))
    assert min(count, (most + 1) // 2) <= len(sample) <= most
