"""A crawl as a whole: its run directory, its thread, its signals, its reports."""

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import uvloop

from crawler.baseline import measure
from crawler.build import (
    Crawl,
    Sink,
    assemble,
    engine_options,
    page_sinks,
)
from crawler.errors import UsageError, writing
from crawler.html.report import write_html
from crawler.inputs import Lines, facts, of_settings
from crawler.logs import Console
from crawler.metrics import journal, words
from crawler.metrics.memory import rss_peak
from crawler.metrics.meter import Snapshot
from crawler.metrics.progress import Progress
from crawler.metrics.report import Report, to_json
from crawler.metrics.simultaneous import Simultaneous, Work, simultaneous
from crawler.model import Choice
from crawler.network import Network, current
from crawler.operation import logging_of, metrics_of
from crawler.parsing.spawn import Spawned
from crawler.rundir import Run, begin, resume
from crawler.settings import Settings, usable_cores, written
from crawler.version import __version__

EVERY = 0.25
"""Seconds between two looks at a running crawl."""


class CrawlThread:
    """One crawl on a thread and event loop of its own.

    So it works within a running loop and in a notebook, the caller's own computing never counts as
    the fetch thread's, and the main thread is free for signals.
    """

    def __init__(
        self,
        run: Run,
        source: Lines,
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
    says = words.choice(choice, workers)
    return msgspec.structs.replace(report, engine=f"auto ({choice.engine})", auto=says)


def write_report(report: Report, directory: Path) -> Report:
    """``report.json``. Raises StateError."""
    path = directory / "report.json"
    with writing(path):
        path.write_bytes(to_json(report))
    return report


@contextmanager
def stopped_by_signals(crawl: CrawlThread, quiet: bool) -> Iterator[list[int]]:
    """SIGINT and SIGTERM stop the crawl, the second one at once; yields the signals that came."""
    came: list[int] = []

    def handle(number: int, _frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            crawl.abort()
            return
        crawl.stop()
        if not quiet:
            sys.stderr.write("\ncrawler: finishing what is in flight; once more to end now\n")

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def crawl_to_end(run: Run, started: float, spawned: Iterable[Spawned]) -> tuple[Report, bool]:
    """Crawl, showing how far it is; gives the report and whether it was interrupted.

    Raises UsageError, StateError.
    """
    quiet = run.settings.quiet
    progress = Progress(sys.stderr, quiet=quiet)
    console = Console(sys.stderr, progress.clear)
    crawl = CrawlThread(run, of_settings(run), page_sinks(run), started, spawned, console=console)
    with stopped_by_signals(crawl, quiet) as signals:
        crawl.start()
        with progress:
            while not crawl.wait(EVERY):
                snapshot = crawl.snapshot()
                if snapshot is not None:
                    with console.alone:
                        progress.draw(snapshot)
    report = write_report(crawl.report(), run.directory)
    write_html(run.directory)
    return report, bool(signals)


def run(settings: Settings, spawned: Sequence[Spawned] = ()) -> int:
    """``crawler crawl``: crawl, report, and give the exit code. Raises UsageError, StateError.

    ``spawned`` are parse processes that were started ahead.
    """
    # What the process did so far is start up; it did so on one thread, so its CPU is the time.
    started = time.monotonic() - time.process_time()
    with begin(settings, facts(settings)) as begun:
        try:
            report, interrupted = crawl_to_end(begun, started, spawned)
        except UsageError:
            if not begun.store.counts.taken:
                begun.discard()
            raise
        if not report.urls.input and not interrupted:
            begun.discard()
            raise UsageError(f"{' '.join(settings.sources)}: there is no URL in it")
        return _end(report, begun, interrupted=interrupted)


def go_on(directory: Path, flags: Mapping[str, object], spawned: Sequence[Spawned] = ()) -> int:
    """``crawler crawl --resume``: as ``run``, with what was asked for when the run began.

    ``flags`` (by field name) are what is asked for anew. Raises UsageError, StateError.
    """
    started = time.monotonic() - time.process_time()
    with resume(directory, flags) as resumed:
        report, interrupted = crawl_to_end(resumed, started, spawned)
        return _end(report, resumed, interrupted=interrupted)


def _end(report: Report, ended: Run, *, interrupted: bool) -> int:
    settings = ended.settings
    show(report, settings, ended.directory)
    if interrupted:
        return 130
    return 3 if settings.strict and report.urls.failed else 0


def show(report: Report, settings: Settings, directory: Path) -> None:
    if report.auto and not settings.quiet:
        sys.stderr.write(f"crawler: auto: {report.auto}\n")
    if settings.json:
        sys.stdout.write(to_json(report).decode())
    elif not settings.quiet:
        from rich.console import Console

        from crawler.metrics import terminal

        terminal.show(report, Console(stderr=True), str(directory))
