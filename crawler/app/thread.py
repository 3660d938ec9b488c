"""A crawl on a thread and an event loop of its own."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec
import uvloop

from crawler.app.assemble import Crawl, assemble
from crawler.app.baseline import measure
from crawler.app.fetching import engine_options
from crawler.app.inputs import OpenInput
from crawler.app.live import logging_of, metrics_of
from crawler.app.outputs import Sink
from crawler.app.run_dir import Run
from crawler.fetch.network import Network, current
from crawler.metrics.memory import rss_peak
from crawler.metrics.meter import Snapshot
from crawler.metrics.report import Report
from crawler.metrics.simultaneous import Simultaneous, Work, simultaneous
from crawler.model.events import Choice
from crawler.model.version import __version__
from crawler.parsing.executors.spawn import Spawned
from crawler.reporting import sentences
from crawler.reporting.live import journal
from crawler.reporting.live.logs import Console
from crawler.settings import usable_cores, written


class CrawlThread:
    """One crawl on a thread and event loop of its own.

    So it works within a running loop and in a notebook, the caller's own computing never counts as
    the fetch thread's, and the main thread is free for signals.
    """

    def __init__(
        self,
        run: Run,
        source: OpenInput,
        sinks: Sequence[Sink],
        started: float,
        spawned: Iterable[Spawned] = (),
        network: Network | None = None,
        console: Console | None = None,
    ) -> None:
        """``started`` is the monotonic time at which waiting for this crawl began.

        ``spawned`` are parse processes that were started ahead. Without ``network`` it is the
        current one. What is logged goes to ``console`` unless asked for otherwise.
        """
        self._spawned = spawned
        self._network = network or current()
        self._run = run
        self._settings = run.settings
        self._source = source
        self._sinks = sinks
        self._started = started
        self._console = console
        self._crawl: Crawl | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._report: Report | None = None
        self._error: BaseException | None = None
        self._stopped = False
        self._measuring: asyncio.Task[Report] | None = None
        self._thread = threading.Thread(target=self._work, name="crawler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended, after at most ``seconds``."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Start nothing more, finish what is in flight."""
        self._call(lambda crawl: crawl.core.stop())

    def abort(self) -> None:
        """End now."""
        self._call(lambda crawl: crawl.core.abort())

    def report(self) -> Report:
        """Of a crawl that has ended. Raises what it ended with: StateError, UsageError."""
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def snapshot(self) -> Snapshot | None:
        """How far it is; None before it has begun."""
        crawl = self._crawl
        if crawl is None:
            return None
        complete = crawl.source.exhausted and not self._settings.follow
        return crawl.meter.snapshot(time.monotonic(), complete=complete)

    def _call(self, order: Callable[[Crawl], None]) -> None:
        crawl, loop = self._crawl, self._loop
        if crawl is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._obey, order, crawl)

    def _obey(self, order: Callable[[Crawl], None], crawl: Crawl) -> None:
        self._stopped = True
        order(crawl)
        if self._measuring is not None:
            self._measuring.cancel()

    def _work(self) -> None:
        try:
            with logging_of(self._settings, self._console, self._fail):
                self._run_logged()
        except BaseException as error:  # noqa: BLE001 - it is raised again by ``report``
            self._error = error
            for _, writer in self._sinks:
                writer.close()
            self._run.store.close()

    def _fail(self, error: Exception) -> None:
        """The log is full: the crawl ends in order, and can be resumed."""
        self._error = error
        self.abort()

    def _run_logged(self) -> None:
        if journal.is_read():
            journal.began(str(self._run.directory), written(self._settings), self._run.resumed)
        try:
            uvloop.run(self._main())
        except Exception as error:
            journal.broke(error)
            raise
        assert self._report is not None
        journal.ended(self._report)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        crawl = assemble(
            self._run,
            self._network,
            self._source,
            self._sinks,
            self._close_books,
            self._spawned,
        )
        self._sinks = ()  # they are the crawl's to close now
        try:
            with metrics_of(self._run, crawl) as url:
                if self._settings.metrics_port == 0:
                    sys.stderr.write(f"crawler: figures for Prometheus at {url}\n")
                self._crawl = crawl
                if self._error is not None:
                    raise self._error
                await crawl.core.run()
        finally:
            crawl.close()
        if crawl.sample is not None and self._report is not None and not self._stopped:
            options = engine_options(self._settings, self._network)
            self._measuring = asyncio.create_task(measure(crawl, options, self._report))
            with suppress(asyncio.CancelledError):  # it is nothing that a crawl could lack
                self._report = await self._measuring

    def _close_books(self, same_content: int) -> None:
        assert self._crawl is not None
        crawl, settings = self._crawl, self._settings
        workers = len(crawl.parse.pids) or settings.parse_workers
        report = crawl.meter.finish(
            version=__version__,
            engine=settings.engine,
            workers=workers,
            startup_s=crawl.meter.started - self._started,
            rss_peak_mb=rss_peak(crawl.parse.pids),
            same_content=same_content,
        )
        report = msgspec.structs.replace(report, model=modelled(report, workers))
        self._report = with_choice(report, crawl.auto.choice, workers) if crawl.auto else report


def modelled(report: Report, workers: int) -> Simultaneous:
    """What the waits and the computing of this run would take at best."""
    work = Work(report.io_wait.total_s, report.cpu.fetch_s, report.cpu.parse_s)
    return simultaneous(work, report.concurrency, workers, usable_cores())


def with_choice(report: Report, choice: Choice, workers: int) -> Report:
    says = sentences.choice(choice, workers)
    return msgspec.structs.replace(report, engine=f"auto ({choice.engine})", auto=says)
