"""Runs a crawl on its own thread and event loop."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import uvloop

from crawler.app.assemble import Crawl, assemble, prepare
from crawler.app.baseline import measure
from crawler.app.export import write_spooled
from crawler.app.fetching import engine_options
from crawler.app.hidden import secrets_of
from crawler.app.inputs import OpenInput
from crawler.app.live import logging_of, metrics_of, watched
from crawler.app.output_files import spooled
from crawler.app.outputs import page_sinks
from crawler.app.run_dir import Run
from crawler.app.shard import Shard
from crawler.fetch.network import Network, current
from crawler.metrics.meter import Meter, Snapshot
from crawler.metrics.report import Report
from crawler.reporting.live import journal
from crawler.reporting.live.logs import Console
from crawler.settings import written
from crawler.sinks.base import Sink

if TYPE_CHECKING:
    from crawler.parsing.executors.forkserver import ForkServer


class CrawlOrder(msgspec.Struct, frozen=True):
    """What a CrawlThread must run: a run and its input.

    ``sinks`` are outputs besides those of the settings, which are opened with ``page_files``.
    ``waiting_since`` is the monotonic time at which the user started it, ``prestarted`` is a
    fork server that is already running. Log records go to ``console`` if no log file is set.
    ``shard`` is what makes the run a shard of a crawl.
    """

    run: Run
    open_input: OpenInput
    waiting_since: float
    sinks: Sequence[Sink] = ()
    page_files: bool = True
    prestarted: "ForkServer | None" = None
    console: Console | None = None
    shard: Shard | None = None


class _AbortedError(Exception):
    """The crawl was aborted."""


class CrawlThread:
    """One crawl on its own thread and event loop.

    So it works inside a running loop and in a notebook, the caller's CPU time does not count as
    that of the fetch thread, and the main thread can handle signals.
    """

    def __init__(self, order: CrawlOrder, network: Network | None = None) -> None:
        """``network`` defaults to the current one."""
        self._order = order
        self._network = network or current()
        self._crawl: Crawl | None = None
        self._sinks = list(order.sinks)
        self._secrets = secrets_of(order.run.settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._report: Report | None = None
        self._error: BaseException | None = None
        self._is_stopped = self._is_aborted = False
        self._baseline: asyncio.Task[Report] | None = None
        self._thread = threading.Thread(target=self._work, name="crawler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait at most ``seconds``; return whether the crawl has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Start no more requests; finish those in flight."""
        self._call(lambda crawl: crawl.pipeline.stop())

    def abort(self) -> None:
        """End now."""
        self._is_aborted = True
        self._call(lambda crawl: crawl.pipeline.abort())

    @property
    def has_begun(self) -> bool:
        """Whether the crawl is assembled."""
        return self._crawl is not None

    def restore_rights(self, origins: Iterable[str], logins: Mapping[str, str]) -> None:
        """Give origins of the input their rights that another process has read; see
        ``InputRights.restore``. Call it once the crawl ``has_begun``.
        """
        self._call_soon(lambda crawl: crawl.rights.restore(origins, logins))

    def report(self) -> Report:
        """Return the report of an ended crawl, or raise its error: StateError, UsageError."""
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    @property
    def meter(self) -> Meter:
        """What has measured the crawl; only after ``report`` has returned."""
        assert self._crawl is not None
        return self._crawl.meter

    def snapshot(self) -> Snapshot | None:
        """Return the progress of the crawl; None before its start."""
        return None if self._crawl is None else self._crawl.progress.snapshot()

    def _call(self, command: Callable[[Crawl], None]) -> None:
        self._is_stopped = True  # before ``_crawl`` is read: see ``_main``
        self._call_soon(partial(self._run_command, command))

    def _call_soon(self, command: Callable[[Crawl], None]) -> None:
        crawl, loop = self._crawl, self._loop
        if crawl is not None and loop is not None:
            with suppress(RuntimeError):  # the loop was closed: it has ended
                loop.call_soon_threadsafe(command, crawl)

    def _run_command(self, command: Callable[[Crawl], None], crawl: Crawl) -> None:
        command(crawl)
        if self._baseline is not None:
            self._baseline.cancel()

    def _work(self) -> None:
        run = self._order.run
        try:
            hide = self._secrets.hide
            with logging_of(run.settings, self._order.console, self._fail, hide):
                self._run_logged()
        except BaseException as error:  # noqa: BLE001 - ``report`` raises it again
            self._error = error
            if self._crawl is None:  # otherwise the crawl has closed them
                for sink in self._sinks:
                    sink.writer.close()
            run.store.close()

    def _fail(self, error: Exception) -> None:
        """The log cannot be written: abort the crawl in a way that it can be resumed."""
        self._error = error
        self.abort()

    def _run_logged(self) -> None:
        run = self._order.run
        journal.began(str(run.directory), written(run.settings), run.resumed)
        try:
            self._report = uvloop.run(self._main())
        except Exception as error:
            journal.broke(error)
            raise
        journal.ended(self._report)

    async def _main(self) -> Report:
        order, settings = self._order, self._order.run.settings
        self._loop = asyncio.get_running_loop()
        prepared = prepare(settings, self._network)
        if order.page_files:
            self._sinks += page_sinks(order.run, prepared.parse)
        crawl = assemble(
            order.run,
            self._network,
            prepared,
            order.open_input,
            self._sinks,
            order.waiting_since,
            order.prestarted,
            self._secrets,
            order.shard,
        )
        self._crawl = crawl  # the crawl owns the page outputs now and closes them
        try:
            with watched(crawl), metrics_of(order.run, crawl) as url:
                if settings.metrics_port == 0:
                    sys.stderr.write(f"crawler: metrics for Prometheus at {url}\n")
                if self._error is not None:
                    raise self._error
                if self._is_stopped:  # before there was a crawl
                    self._loop.call_soon(crawl.pipeline.abort)
                await crawl.pipeline.run()
        finally:
            crawl.close()
        report = crawl.observer.report
        assert report is not None
        self._make_files()
        if crawl.sample is None or self._is_stopped:
            return report
        return await self._measure(crawl, report)

    def _make_files(self) -> None:
        """Make the files of ``--out`` that need all pages, unless the crawl is aborted."""
        run = self._order.run
        try:
            write_spooled(run, self._check_aborted)
        except _AbortedError:
            journal.not_made(spooled(run.settings), str(run.directory))

    def _check_aborted(self) -> None:
        if self._is_aborted:
            raise _AbortedError

    async def _measure(self, crawl: Crawl, report: Report) -> Report:
        """Return ``report`` with the baseline, or unchanged if the crawl is stopped."""
        options = engine_options(self._order.run.settings, self._network)
        self._baseline = asyncio.create_task(measure(crawl, options, report))
        with suppress(asyncio.CancelledError):
            return await self._baseline
        return report
