"""The figures of a run for Prometheus, read when they are asked for and served on this machine."""

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

from crawler.metrics.meter import Figures
from crawler.model.errors import UsageError

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
_LOOK = 0.05
"""Seconds between two looks of the server whether it shall end; a crawl waits so long for it."""


class Queues(msgspec.Struct, frozen=True):
    """What waits behind the fetching, and what the run has of the machine.

    ``last_commit`` is in seconds since the epoch, ``resident`` in bytes, of all processes.
    """

    parse_pages: int
    parse_bytes: int
    output_bytes: int
    last_commit: float
    resident: int


class RunCollector(Collector):
    """Asks ``figures`` and ``queues`` (from any thread) for what is so when somebody looks."""

    def __init__(self, figures: Callable[[], Figures], queues: Callable[[], Queues]) -> None:
        self._figures = figures
        self._queues = queues

    def collect(self) -> Iterator[Metric]:
        figures = self._figures()
        yield from _entries(figures)
        yield from _requests(figures)
        yield from _time(figures)
        yield from _behind(self._queues())


def _entries(figures: Figures) -> Iterator[Metric]:
    urls = msgspec.structs.asdict(figures.urls)
    states = ("done", "failed", "skipped", "pending")
    yield _gauges("entries", "URLs by state.", "state", {name: urls[name] for name in states})
    origins = ("input", "discovered", "duplicates", "filtered")
    found = {name: urls[name] for name in origins}
    yield _counters("found", "URLs by where they came from, or why they were left.", "how", found)
    yield _counters("failures", "URLs that failed, by kind.", "kind", figures.errors)
    yield _counters("skips", "URLs left alone, by reason.", "reason", figures.skips)
    yield _counter("page_bytes", "Size of all pages, decompressed.", figures.bytes)


def _requests(figures: Figures) -> Iterator[Metric]:
    classes: dict[str, int] = {}
    for status, number in figures.status.items():
        name = f"{status // 100}xx"
        classes[name] = classes.get(name, 0) + number
    yield _counters("responses", "Answers by class of status.", "class", classes)
    yield _gauge("requests_in_flight", "Requests under way.", figures.in_flight)
    yield _gauge("slots", "Requests that may be under way at once.", figures.slots)


def _time(figures: Figures) -> Iterator[Metric]:
    budget = msgspec.structs.asdict(figures.budget)
    text = "Wall time of the fetch thread by what it did."
    yield _counters("fetch_thread_seconds", text, "state", budget)
    io = figures.io_wait
    yield _counter("io_wait_seconds", "I/O wait, summed over all requests.", io.total_s)
    text = "I/O wait in which there was nothing else to do."
    yield _counter("io_wait_exposed_seconds", text, io.exposed_s)
    yield _counter("parse_cpu_seconds", "CPU time of parsing.", figures.parse_cpu_s)


def _behind(queues: Queues) -> Iterator[Metric]:
    yield _gauge("parse_waiting_pages", "Pages that wait to be parsed.", queues.parse_pages)
    yield _gauge("parse_waiting_bytes", "Size of the pages that wait.", queues.parse_bytes)
    yield _gauge("output_waiting_bytes", "Records that wait to be written.", queues.output_bytes)
    text = "When the run last became durable, in Unix time."
    yield _gauge("last_commit_timestamp_seconds", text, queues.last_commit)
    yield _gauge("resident_memory_bytes", "Resident memory of all processes.", queues.resident)


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
    """Bytes of memory that ``pids`` and this process hold now (proc(5), statm).

    Pages that they share count once for each; 0 where there is no ``/proc`` (macOS).
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
        """Who asked may have gone; that is no matter, and the crawl goes on in any case."""
        log.debug("the figures could not be sent", exc_info=True)


@contextmanager
def serving(collector: Collector, port: int) -> Iterator[str]:
    """While the context lasts, answer on ``port`` of this machine (0: any); yields the URL.

    Raises UsageError where the port cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server = _MetricsServer((HOST, port), MetricsHandler.factory(registry))
    except OSError as error:
        raise UsageError(f"--metrics-port {port}: {error.strerror}") from None
    thread = threading.Thread(
        target=server.serve_forever, args=(_LOOK,), name="crawler-metrics", daemon=True
    )
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
