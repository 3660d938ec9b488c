"""Options: what is written where; and all of them together, with what follows from them."""

import os
from typing import Annotated, Literal

from crawler.engines.names import AUTO
from crawler.settings.option import option
from crawler.settings.pages import Pages
from crawler.settings.types import Natural, Path, Port, SampleSize, Scale


class Fields(Pages, frozen=True, kw_only=True):
    """Every option, not yet checked."""

    out: Annotated[
        tuple[str, ...],
        option(
            "output",
            "write pages here, not into the run directory; the suffix picks the format, - is "
            "standard output; repeatable",
            "PATH",
            example=["pages.jsonl"],
        ),
    ] = ()
    json: Annotated[bool, option("output", "print the report as JSON")] = False
    quiet: Annotated[bool, option("output", "print no progress and no report")] = False

    log: Annotated[
        Literal["error", "warning", "info", "debug"] | None,
        option(
            "operation",
            "the least that is worth a log line (default: warning)",
            "LEVEL",
            example="info",
        ),
    ] = None
    log_file: Annotated[
        Path | None,
        option(
            "operation",
            "append the log to this file (default: standard error)",
            "FILE",
            example="crawl.log",
        ),
    ] = None
    log_json: Annotated[bool, option("operation", "write each log line as a JSON object")] = False
    metrics_port: Annotated[
        Port | None,
        option(
            "operation",
            "serve figures for Prometheus at http://127.0.0.1:N/metrics while the crawl runs; 0 "
            "picks a port",
            "N",
            example=9090,
        ),
    ] = None

    run: Annotated[
        Path | None,
        option(
            "run",
            "directory of this run, which must not exist yet (default: runs/<time>)",
            "DIR",
            example="runs/first",
        ),
    ] = None
    baseline: Annotated[
        SampleSize | None,
        option(
            "run",
            "fetch this many URLs one by one as well, to measure what concurrency was worth",
            "N",
            example=50,
        ),
    ] = None
    resume: Annotated[
        bool, option("run", "go on with the run in --run, as it was asked for when it began")
    ] = False
    seed: Annotated[
        Natural | None,
        option(
            "run",
            "makes a run repeatable: what is drawn at random, and by going from depth to depth "
            "also which depth a page has",
            "N",
            example=1,
        ),
    ] = None
    strict: Annotated[bool, option("run", "exit with 3 if any URL failed")] = False

    record: Annotated[
        Path | None,
        option(
            "archive",
            "keep every request and its answer in this WARC file, which must not exist yet",
            "FILE",
            example="run.warc.gz",
        ),
    ] = None
    replay: Annotated[
        Path | None,
        option(
            "archive",
            "ask no network but what this WARC file holds, as fast or slow as it was",
            "FILE",
            example="run.warc.gz",
        ),
    ] = None
    latency_scale: Annotated[
        Scale, option("archive", "what to multiply the recorded waits by, 0 for none", "X")
    ] = 1.0

    @property
    def slots(self) -> int:
        """Requests in flight at the same time: ``concurrency``, or its default."""
        return self.concurrency or (1 if self.engine == "sequential" else 64)

    @property
    def line_order(self) -> Literal["input", "random", "slowest"]:
        """``order``, or its default."""
        return self.order or ("slowest" if self.history else "input")

    @property
    def in_levels(self) -> bool:
        """Whether a page waits until all that are fewer links from the input are done."""
        return self.follow and self.seed is not None

    @property
    def parse_workers(self) -> int:
        """``workers``, or the cores this process may use; 0 where the fetch thread parses."""
        if self.parse not in ("process", "thread"):
            return 0
        return self.workers or usable_cores()

    @property
    def first_workers(self) -> int:
        """Parse workers to begin with; with ``auto`` others come when there is work for them."""
        most = self.parse_workers
        return min(1, most) if self.engine == AUTO and self.workers is None else most

    def host_limit(self, *, own: bool) -> int | None:
        """Give the most requests in flight to one host, or None; ``own`` as below."""
        return self.per_host or (None if own else 4)

    def address_limit(self, *, own: bool) -> int | None:
        """Give the most requests in flight to one address, or None; ``own`` as below."""
        return self.per_address or (None if own else 16)

    def host_delay(self, *, own: bool) -> float:
        """Give the seconds between requests to one host.

        ``own``: it is mocked, or on loopback and the input names it.
        """
        if self.delay is not None:
            return self.delay
        return 0.0 if own else 0.25


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
