from collections.abc import Iterator

import msgspec
import pytest

from crawler.metrics.budget import Reading
from crawler.metrics.meter import TICK_S, Meter
from crawler.metrics.report import (
    Connections,
    Cpu,
    Limiter,
    Report,
    TimeBudget,
    from_json,
    to_json,
)
from crawler.model.errors import FailureKind, SkipReason
from crawler.model.events import Counted, Fetched, Finished, Load
from crawler.model.exchange import Timing
from crawler.model.pages import Failure, Skipped

KEYS = {
    "": "version engine concurrency startup_s wall_s pages_per_s urls bytes status errors skips "
    "latency_ms io_wait budget slots cpu rss_peak_mb same_content baseline limited_by auto model "
    "lost_workers resting_hosts resting connections cache shards",
    "urls": "input duplicates discovered filtered done failed skipped pending",
    "latency_ms": "p50 p90 p99 max",
    "io_wait": "total_s handshake_s exposed_s saved_s overlap naive_sum_s method",
    "budget": "computing waiting politeness starved backpressure descheduled",
    "slots": "used politeness starved backpressure parsing silent",
    "cpu": "fetch_s parse_s",
    "limited_by": "what says change",
    "connections": "opened reused resumed",
}


class Clock:
    """A wall clock that is set by hand; ``cpu`` is the share of the time that was computed."""

    def __init__(self, cpu: float = 0.0) -> None:
        self.now = 1000.0
        self.readings = 0
        self._cpu = cpu

    def __call__(self) -> Reading:
        self.readings += 1
        return Reading(self.now, self.now * self._cpu, 0.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meter(clock: Clock) -> Meter:
    meter = Meter(4, clock)
    meter.start()
    return meter


def fetched(
    timing: Timing = Timing(),  # noqa: B008
    status: int | None = 200,
    url: str = "http://a/",
) -> Fetched:
    return Fetched(url, 1000.0, 0.0, timing, status, 10)


def failure(kind: FailureKind) -> Failure:
    return Failure("http://a/", kind, "", 1)


def finish(meter: Meter) -> Report:
    return meter.finish(version="1", engine="curl", workers=2, startup_s=0.5, rss_peak_mb=70.0)


def load(meter: Meter, clock: Clock, now: float, in_flight: int) -> None:
    clock.now = now
    meter.fold(Load(now, in_flight, "politeness"))


def test_the_report_has_exactly_the_documented_keys(meter: Meter) -> None:
    document = msgspec.json.decode(to_json(finish(meter)))
    assert " ".join(sorted(document)) == " ".join(sorted(KEYS[""].split()))
    for name, keys in KEYS.items():
        if name:
            assert list(document[name]) == keys.split()


def test_a_report_can_be_read_back(meter: Meter) -> None:
    meter.fold(fetched())
    report = finish(meter)
    assert from_json(to_json(report)) == report


def test_a_report_of_an_earlier_version_can_be_read(meter: Meter) -> None:
    document = msgspec.json.decode(to_json(finish(meter)))
    del document["connections"]
    assert from_json(msgspec.json.encode(document)).connections == Connections()


def test_every_entry_is_counted(meter: Meter, clock: Clock) -> None:
    meter.fold(Counted(input=10, duplicates=3))
    meter.fold(Counted(discovered=5, filtered=7))
    meter.fold(Finished(done=4, body_bytes=400, parse_cpu=0.5))
    meter.fold(Finished(done=2, body_bytes=50, parse_cpu=0.25))
    meter.fold(
        Finished(
            failed=(failure(FailureKind.DNS), failure(FailureKind.URL), failure(FailureKind.DNS))
        )
    )
    meter.fold(Finished(skipped=(Skipped("http://a/", SkipReason.ROBOTS, ""),)))
    clock.now += 3
    report = finish(meter)
    urls = report.urls
    assert (urls.input, urls.duplicates, urls.discovered, urls.filtered) == (10, 3, 5, 7)
    assert (urls.done, urls.failed, urls.skipped, urls.pending) == (6, 3, 1, 5)
    assert (report.errors, report.skips) == ({"dns": 2, "url": 1}, {"robots": 1})
    assert (report.bytes, report.cpu.parse_s, report.pages_per_s) == (450, 0.75, 2.0)


def test_status_and_latency_count_responses_only(meter: Meter) -> None:
    for seconds in (0.1, 0.2, 0.3):
        meter.fold(fetched(Timing(total=seconds)))
    meter.fold(fetched(Timing(total=0.4), status=404))
    meter.fold(fetched(Timing(total=30), status=None))
    report = finish(meter)
    assert report.status == {"200": 3, "404": 1}
    assert report.latency_ms.p50 == pytest.approx(200, rel=0.01)
    assert report.latency_ms.p90 == pytest.approx(400, rel=0.01)
    assert report.latency_ms.max == 400


def test_connections_of_responses_are_counted(meter: Meter) -> None:
    new, kept = Timing(), Timing(reused=True)
    for timing in (new, kept, kept, kept, Timing(resumed=True)):
        meter.fold(fetched(timing))
    meter.fold(fetched(new, status=503))
    meter.fold(fetched(new, status=None))
    report = finish(meter)
    assert report.connections == Connections(opened=3, reused=3, resumed=1)
    assert report.connections.used == sum(report.status.values())


def busy_run(scheme: str, timing: Timing) -> Report:
    """A thread that computes all the time; half of its requests had this timing."""
    clock = Clock(cpu=0.9)
    meter = Meter(4, clock)
    meter.start()
    load(meter, clock, 1000, 4)
    for _ in range(100):
        meter.fold(fetched(timing, url=f"{scheme}://a/"))
    meter.fold(Counted(input=100))
    meter.fold(Finished(done=100))
    clock.now = 1020
    return finish(meter)


def test_handshakes_are_the_limit_of_a_thread_that_is_busy_with_tls() -> None:
    assert busy_run("https", Timing()).limited_by.what == Limiter.HANDSHAKES
    assert busy_run("https", Timing(reused=True)).limited_by.what == Limiter.CPU
    assert busy_run("http", Timing()).limited_by.what == Limiter.CPU


@pytest.mark.parametrize(
    ("timing", "limit"),
    [
        (Timing(connect=0.2, tls=0.4, answer=0.2), Limiter.HANDSHAKES),
        (Timing(connect=0.2, answer=0.6), Limiter.CONCURRENCY),
        (Timing(dns=0.6, connect=0.1, answer=0.1), Limiter.CONCURRENCY),
    ],
)
def test_handshakes_are_the_limit_where_they_are_most_of_the_wait(
    meter: Meter, clock: Clock, timing: Timing, limit: Limiter
) -> None:
    load(meter, clock, 1000, 4)
    for _ in range(100):
        meter.fold(fetched(timing))
    meter.fold(Finished(done=100))
    clock.now = 1020
    assert finish(meter).limited_by.what == limit


def test_budget_and_slots_follow_the_load() -> None:
    clock = Clock(cpu=0.25)
    meter = Meter(4, clock)
    meter.start()
    load(meter, clock, 1000, 1)
    load(meter, clock, 1004, 3)
    load(meter, clock, 1008, 0)
    clock.now = 1016
    report = finish(meter)
    assert report.wall_s == 16
    assert report.budget == TimeBudget(computing=4, waiting=6, politeness=6)
    assert (report.slots.used, report.slots.politeness) == (4 * 1 + 4 * 3, 4 * 3 + 4 * 1 + 8 * 4)
    assert report.cpu.fetch_s == 4
    assert report.limited_by.what == Limiter.SHORT


def test_parsing_in_the_clock_of_fetching_counts_once() -> None:
    clock = Clock(cpu=0.5)
    meter = Meter(4, clock, includes_parsing=True)
    meter.start()
    meter.fold(Finished(done=1, parse_cpu=0.75))
    clock.now = 1004
    assert finish(meter).cpu == Cpu(fetch_s=1.25, parse_s=0.75)


def test_clocks_are_read_on_changes_and_ticks(meter: Meter, clock: Clock) -> None:
    load(meter, clock, 1000.01, 1)
    assert clock.readings == 2
    for step in range(20):
        load(meter, clock, 1000.02 + step / 1000, 1 + step % 3)
    assert clock.readings == 2
    load(meter, clock, 1000 + TICK_S, 2)
    assert clock.readings == 3


def test_saved_io_wait_is_total_minus_exposed(meter: Meter, clock: Clock) -> None:
    load(meter, clock, 1000, 4)
    wait = Timing(dns=1, connect=2, tls=3, answer=4, total=12, method="kernel")
    for _ in range(4):
        meter.fold(fetched(wait))
    load(meter, clock, 1010, 0)
    io = finish(meter).io_wait
    assert (io.total_s, io.handshake_s, io.naive_sum_s) == (40, 24, 52)
    assert (io.exposed_s, io.saved_s, io.overlap) == (10, 30, 4)
    assert io.method == "kernel"


@pytest.mark.promise("P71")
@pytest.mark.parametrize(
    "wait",
    [
        Timing(dns=5, connect=1, tls=1, answer=1, total=3),
        Timing(answer=2, total=1.9),
        Timing(dns=1, answer=2),
    ],
)
def test_the_plain_sum_is_never_less_than_the_wait(meter: Meter, wait: Timing) -> None:
    meter.fold(fetched(wait))
    io = finish(meter).io_wait
    assert io.naive_sum_s >= io.total_s


def test_overlap_and_savings_have_bounds(meter: Meter, clock: Clock) -> None:
    meter.fold(fetched(Timing(answer=2)))
    assert (finish(meter).io_wait.overlap, finish(meter).io_wait.saved_s) == (None, 2)
    load(meter, clock, 1000, 1)
    load(meter, clock, 1004, 0)
    assert finish(meter).io_wait.saved_s == 0


def timings(kernel: int, library: int, unsure: int) -> Iterator[Timing]:
    for n in range(kernel):
        yield Timing(method="kernel", sure=n >= unsure)
    for _ in range(library):
        yield Timing(method="library")


@pytest.mark.parametrize(
    ("counts", "method"),
    [
        ((0, 0, 0), "none"),
        ((3, 0, 0), "kernel"),
        ((0, 3, 0), "library"),
        ((97, 3, 0), "mixed (97 % kernel)"),
        ((999, 1, 0), "mixed (>99 % kernel)"),
        ((4, 0, 1), "kernel, 25 % uncertain"),
    ],
)
def test_the_method_names_the_clock(
    meter: Meter, counts: tuple[int, int, int], method: str
) -> None:
    for timing in timings(*counts):
        meter.fold(fetched(timing))
    meter.fold(fetched(Timing(method="library", sure=False), status=None))
    assert finish(meter).io_wait.method == method


@pytest.mark.promise("P70")
def test_the_method_says_by_how_much_the_total_may_be_wrong(meter: Meter) -> None:
    meter.fold(fetched(Timing(answer=1, off=0.2)))
    meter.fold(fetched(Timing(dns=1, answer=2, sure=False)))
    assert finish(meter).io_wait.method == "library, ±5 %, 50 % uncertain"


def test_a_snapshot_has_the_rate_of_recent_seconds(meter: Meter, clock: Clock) -> None:
    meter.fold(Counted(input=500))
    meter.fold(Finished(done=200))
    for second in range(1000, 1021):
        for part in range(4):
            load(meter, clock, second + part * TICK_S, 3)
        meter.fold(Finished(done=10, body_bytes=7))
    seen = meter.snapshot(1021.0, complete=False)
    assert (seen.done, seen.finished, seen.pending, seen.in_flight) == (410, 410, 90, 3)
    assert (seen.total, seen.elapsed, seen.bytes) == (None, 21, 147)
    assert 9 <= seen.rate <= 12
    assert meter.snapshot(1021.0, complete=True).total == 500


def test_a_snapshot_before_the_start_is_empty() -> None:
    seen = Meter(4, Clock()).snapshot(0.0, complete=False)
    assert (seen.finished, seen.rate) == (0, 0.0)
