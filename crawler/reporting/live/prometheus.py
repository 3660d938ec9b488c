"""Serves the figures of a run to Prometheus on loopback; they are read when it scrapes."""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingTCPServer

import msgspec
from prometheus_client import CollectorRegistry, MetricsHandler
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from crawler.metrics.progress import Queues, RunProgress
from crawler.model.errors import UsageError

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
_POLL = 0.05
"""Seconds between two checks whether the server must stop; the end of a crawl waits that long."""


class MachineFigures(msgspec.Struct, frozen=True):
    """When the state was last committed (Unix time), and the memory of all processes in bytes."""

    last_commit: float
    resident: int


class RunCollector(Collector):
    """Calls ``progress`` and ``machine`` at each scrape, from the thread of the server."""

    def __init__(
        self, progress: Callable[[], RunProgress], machine: Callable[[], MachineFigures]
    ) -> None:
        self._progress = progress
        self._machine = machine

    def collect(self) -> Iterator[Metric]:
        progress = self._progress()
        yield from _entries(progress)
        yield from _requests(progress)
        yield from _time(progress)
        yield from _queues(progress.queues)
        yield from _machine(self._machine())


def _entries(progress: RunProgress) -> Iterator[Metric]:
    urls = msgspec.structs.asdict(progress.urls)
    states = ("done", "failed", "skipped", "pending")
    yield _gauges("entries", "URLs by state.", "state", {name: urls[name] for name in states})
    origins = ("input", "discovered", "duplicates", "filtered")
    found = {name: urls[name] for name in origins}
    text = "URLs found, by origin, or by the reason why they are not crawled."
    yield _counters("found", text, "how", found)
    yield _counters("failures", "URLs that failed, by kind.", "kind", progress.errors)
    yield _counters("skips", "URLs that were skipped, by reason.", "reason", progress.skips)
    yield _counter("page_bytes", "Size of all pages, decompressed.", progress.bytes)


def _requests(progress: RunProgress) -> Iterator[Metric]:
    classes: dict[str, int] = {}
    for status, number in progress.status.items():
        name = f"{int(status) // 100}xx"
        classes[name] = classes.get(name, 0) + number
    yield _counters("responses", "Responses by class of status.", "class", classes)
    yield _gauge("requests_in_flight", "Requests in flight.", progress.slots.used)
    yield _gauge("slots", "Requests that may be in flight at once.", progress.slots.most)
    yield _gauge("resting_hosts", "Hosts that get no requests for now.", progress.resting_hosts)


def _time(progress: RunProgress) -> Iterator[Metric]:
    budget = msgspec.structs.asdict(progress.budget)
    text = "Wall time of the fetch thread by state."
    yield _counters("fetch_thread_seconds", text, "state", budget)
    io = progress.io_wait
    yield _counter("io_wait_seconds", "I/O wait, summed over all requests.", io.total_s)
    text = "I/O wait during which the fetch thread had nothing else to do."
    yield _counter("io_wait_exposed_seconds", text, io.exposed_s)
    yield _counter("parse_cpu_seconds", "CPU time of parsing.", progress.parse_cpu_s)


def _queues(queues: Queues) -> Iterator[Metric]:
    yield _gauge("parse_waiting_pages", "Pages that wait to be parsed.", queues.parse_pages)
    yield _gauge("parse_waiting_bytes", "Size of these pages.", queues.parse_bytes)
    text = "Size of the records that wait to be written."
    yield _gauge("output_waiting_bytes", text, queues.output_bytes)


def _machine(machine: MachineFigures) -> Iterator[Metric]:
    text = "Unix time of the last commit."
    yield _gauge("last_commit_timestamp_seconds", text, machine.last_commit)
    yield _gauge("resident_memory_bytes", "Resident memory of all processes.", machine.resident)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"crawler_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"crawler_{name}", text, value=value)


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"crawler_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counters(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(f"crawler_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def resident(pids: Iterable[int]) -> int:
    """Resident memory of ``pids`` and this process, in bytes (proc(5), statm).

    Memory that they share counts once per process. 0 on systems without ``/proc`` (macOS).
    """
    return sum(map(_resident, {os.getpid(), *pids}))


def _resident(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_bytes().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGESIZE")


class _MetricsServer(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """The client may have closed the connection; that must not disturb the crawl."""
        log.debug("the figures could not be sent", exc_info=True)


@contextmanager
def serving(collector: Collector, port: int) -> Iterator[str]:
    """Inside the context, serve on loopback at ``port`` (0: any free one); yields the URL.

    Raises UsageError if the port cannot be used.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server = _MetricsServer((HOST, port), MetricsHandler.factory(registry))
    except OSError as error:
        raise UsageError(f"--metrics-port {port}: {error.strerror}") from None
    thread = threading.Thread(
        target=server.serve_forever, args=(_POLL,), name="crawler-metrics", daemon=True
    )
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
