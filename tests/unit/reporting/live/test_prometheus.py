"""The figures for Prometheus: their names, where they come from, and who can ask for them."""

import logging
import socket
import struct
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from crawler.metrics.budget import Reading
from crawler.metrics.meter import TICK_S, Meter
from crawler.metrics.progress import CrawlSession, Queues, RunProgress
from crawler.model.errors import FailureKind, SkipReason, UsageError
from crawler.model.events import Counted, Fetched, Finished, Load
from crawler.model.exchange import Timing
from crawler.model.pages import Failure, Skipped
from crawler.reporting.live.prometheus import HOST, MachineFigures, RunCollector, resident, serving

MACHINE = MachineFigures(1_700_000_000.0, 10**8)
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def reader(meter: Meter) -> Callable[[], RunProgress]:
    """Two hosts rest, and some pages and records wait."""
    session = CrawlSession(NOW, resumed=False, process=1, engine="curl")

    def read() -> RunProgress:
        snapshot = meter.snapshot(110.0, complete=True)
        return RunProgress.of(
            NOW, session, snapshot, meter.figures(), Queues(3, 4000, 500), (), 2, ()
        )

    return read


def collecting(meter: Meter) -> RunCollector:
    return RunCollector(reader(meter), lambda: MACHINE)


class Clock:
    """Half of its time is computing."""

    now = 100.0

    def __call__(self) -> Reading:
        return Reading(self.now, self.now / 2, 0.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meter(clock: Clock) -> Meter:
    meter = Meter(8, clock)
    meter.start()
    return meter


def fetched(status: int, at: float = 0.0) -> Fetched:
    return Fetched("http://a/", at, 0.0, Timing(answer=0.5, total=0.5), status, 10)


def figures_of(text: str) -> dict[str, float]:
    """Each sample by its name, or ``name{value of its label}``."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = "".join(f"{{{value}}}" for value in sample.labels.values())
            found[sample.name + labels] = sample.value
    return found


def read(meter: Meter) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(collecting(meter))
    return figures_of(generate_latest(registry).decode())


def test_every_figure_of_a_run_is_exported(meter: Meter, clock: Clock) -> None:
    meter.fold(Load(100.0, 5, "starved"))
    meter.fold(Counted(input=6, duplicates=2, discovered=3, filtered=4))
    for status in (200, 204, 404, 503, 502):
        meter.fold(fetched(status))
    failures = tuple(
        Failure("u", kind, "", 1) for kind in (FailureKind.DNS, FailureKind.DNS, FailureKind.TLS)
    )
    skipped = (Skipped("u", SkipReason.ROBOTS, ""),)
    meter.fold(Finished(2, failures, skipped, body_bytes=1234, parse_cpu=0.25))
    clock.now = 110.0
    meter.fold(Load(110.0, 7, "starved"))
    assert read(meter) == {
        "crawler_entries{done}": 2,
        "crawler_entries{failed}": 3,
        "crawler_entries{skipped}": 1,
        "crawler_entries{pending}": 3,
        "crawler_found_total{input}": 6,
        "crawler_found_total{discovered}": 3,
        "crawler_found_total{duplicates}": 2,
        "crawler_found_total{filtered}": 4,
        "crawler_failures_total{dns}": 2,
        "crawler_failures_total{tls}": 1,
        "crawler_skips_total{robots}": 1,
        "crawler_page_bytes_total": 1234,
        "crawler_responses_total{2xx}": 2,
        "crawler_responses_total{4xx}": 1,
        "crawler_responses_total{5xx}": 2,
        "crawler_requests_in_flight": 7,
        "crawler_slots": 8,
        "crawler_resting_hosts": 2,
        "crawler_fetch_thread_seconds_total{computing}": 5.0,
        "crawler_fetch_thread_seconds_total{waiting}": 5.0,
        "crawler_fetch_thread_seconds_total{politeness}": 0,
        "crawler_fetch_thread_seconds_total{starved}": 0,
        "crawler_fetch_thread_seconds_total{backpressure}": 0,
        "crawler_fetch_thread_seconds_total{descheduled}": 0,
        "crawler_io_wait_seconds_total": 2.5,
        "crawler_io_wait_exposed_seconds_total": 5.0,
        "crawler_parse_cpu_seconds_total": 0.25,
        "crawler_parse_waiting_pages": 3,
        "crawler_parse_waiting_bytes": 4000,
        "crawler_output_waiting_bytes": 500,
        "crawler_last_commit_timestamp_seconds": 1.7e9,
        "crawler_resident_memory_bytes": 1e8,
    }


def test_time_advances_while_all_slots_are_used(meter: Meter, clock: Clock) -> None:
    meter.fold(Load(100.0, 8, "starved"))
    before = sum_of_time(meter)
    clock.now = 100.5 + TICK_S
    meter.fold(fetched(200, at=clock.now - 0.5))
    assert sum_of_time(meter) - before == pytest.approx(0.5 + TICK_S)


@pytest.mark.promise("P73")
def test_time_advances_without_any_event(meter: Meter, clock: Clock) -> None:
    meter.fold(Load(100.0, 0, "backpressure"))
    before = read(meter)["crawler_fetch_thread_seconds_total{backpressure}"]
    clock.now = 104.0
    meter.tick(clock.now)
    assert read(meter)["crawler_fetch_thread_seconds_total{backpressure}"] - before == 2.0


def sum_of_time(meter: Meter) -> float:
    return sum(value for name, value in read(meter).items() if "fetch_thread" in name)


def test_figures_are_read_only_on_request(meter: Meter) -> None:
    asked = []

    def progress() -> RunProgress:
        asked.append("progress")
        return reader(meter)()

    def machine() -> MachineFigures:
        asked.append("machine")
        return MACHINE

    with serving(RunCollector(progress, machine), 0) as url:
        assert asked == []
        get(url)
        assert asked == ["progress", "machine"]


def test_memory_counts_living_processes_only() -> None:
    alone = resident(())
    assert alone > 10**6
    assert resident((2**22 + 1,)) == pytest.approx(alone, rel=0.2)
    assert resident((1,)) > alone


# the server


@pytest.fixture
def collector(meter: Meter) -> RunCollector:
    return collecting(meter)


def get(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as got:
        assert got.headers["Content-Type"].startswith("text/plain")
        return str(got.read().decode())


def port_of(url: str) -> int:
    return int(url.removesuffix("/metrics").rpartition(":")[2])


def is_open(host: str, port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((host, port)) == 0


def test_metrics_are_served_on_loopback_until_the_end(collector: RunCollector) -> None:
    with serving(collector, 0) as url:
        port = port_of(url)
        assert url == f"http://{HOST}:{port}/metrics"
        assert figures_of(get(url))["crawler_slots"] == 8
        assert not is_open("127.0.0.2", port)
    assert not is_open(HOST, port)
    with serving(collector, port) as again:
        assert again == url


def test_a_port_in_use_is_a_usage_error(collector: RunCollector) -> None:
    with (
        serving(collector, 0) as url,
        pytest.raises(UsageError, match=f"^--metrics-port {port_of(url)}: Address already in use"),
        serving(collector, port_of(url)),
    ):
        pass


def test_two_runs_do_not_share_figures(collector: RunCollector, meter: Meter) -> None:
    with serving(collector, 0) as one, serving(collecting(meter), 0):
        assert get(one).count("crawler_slots 8.0") == 1


@pytest.fixture
def noted() -> Iterator[Callable[[], str]]:
    """Waits for the next record of the server's log."""
    came = threading.Event()
    log = logging.getLogger("crawler.reporting.live.prometheus")

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            self.text = record.getMessage()
            came.set()

    keep = Keep()
    log.addHandler(keep)
    log.setLevel(logging.DEBUG)

    def wait() -> str:
        assert came.wait(10)
        return keep.text

    yield wait
    log.removeHandler(keep)
    log.setLevel(logging.NOTSET)


def test_a_client_that_disconnects_leaves_no_traceback(
    collector: RunCollector,
    noted: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(collector, 0) as url:
        with socket.create_connection((HOST, port_of(url))) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.send(b"GET /metrics HTTP/1.0\r\n")
        assert "could not be sent" in noted()
    assert capsys.readouterr() == ("", "")
