"""A crawl as a whole: its run directory, its thread, its signals, its reports."""

import asyncio
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvloop

from crawler.build import (
    Crawl,
    Sink,
    assemble,
    engine_options,
    make_engine,
    page_sinks,
)
from crawler.engines.base import EngineOptions
from crawler.errors import FetchError, SkipError, StateError, UsageError, writing
from crawler.fetcher import Fetcher
from crawler.metrics import words
from crawler.metrics.baseline import estimate
from crawler.metrics.memory import rss_peak
from crawler.metrics.meter import Snapshot
from crawler.metrics.progress import Progress
from crawler.metrics.report import Report, to_json
from crawler.model import Choice
from crawler.network import Network, current
from crawler.parsing.spawn import Spawned
from crawler.settings import Settings, options
from crawler.sources import lines
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
        settings: Settings,
        source: Iterable[str],
        sinks: Sequence[Sink],
        directory: Path,
        started: float,
        spawned: Iterable[Spawned] = (),
        network: Network | None = None,
    ) -> None:
        """``started`` is the monotonic time at which waiting for this crawl began.

        ``spawned`` are parse processes that were started ahead. Without ``network`` it is the
        current one.
        """
        self._spawned = spawned
        self._network = network or current()
        self._settings = settings
        self._source = source
        self._sinks = sinks
        self._directory = directory
        self._started = started
        self._crawl: Crawl | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._report: Report | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="crawler", daemon=True)

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
            loop.call_soon_threadsafe(order, crawl)

    def _run(self) -> None:
        try:
            uvloop.run(self._main())
        except BaseException as error:  # noqa: BLE001 - it is raised again by ``report``
            self._error = error

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            crawl = assemble(
                self._settings,
                self._network,
                self._source,
                self._sinks,
                self._directory,
                self._close_books,
                self._spawned,
            )
        except BaseException:
            for _, writer in self._sinks:
                writer.close()
            raise
        try:
            self._crawl = crawl
            await crawl.core.run()
        finally:
            crawl.close()
        if crawl.sample is not None and self._report is not None and crawl.sample.urls:
            usual = engine_options(self._settings, self._network)
            alone = msgspec.structs.replace(usual, concurrency=1)
            times = await one_by_one(crawl.fetcher, crawl.sample.urls, alone)
            self._report = with_baseline(self._report, times, crawl.sample.seen, crawl.rng)

    def _close_books(self) -> None:
        assert self._crawl is not None
        crawl, settings = self._crawl, self._settings
        workers = len(crawl.parse.pids) or settings.parse_workers
        report = crawl.meter.finish(
            version=__version__,
            engine=settings.engine,
            workers=workers,
            startup_s=crawl.meter.started - self._started,
            rss_peak_mb=rss_peak(crawl.parse.pids),
        )
        self._report = with_choice(report, crawl.auto.choice, workers) if crawl.auto else report


async def one_by_one(fetcher: Fetcher, urls: Sequence[str], options: EngineOptions) -> list[float]:
    """Seconds each URL takes with the ``sequential`` engine; those that fail are left out."""
    engine = make_engine("sequential", options)
    alone = msgspec.structs.replace(fetcher, engine=engine, record=None)
    times = []
    async with engine:
        for url in urls:
            started = time.monotonic()
            try:
                await alone.fetch(url)
            except (FetchError, SkipError):
                continue
            times.append(time.monotonic() - started)
    await fetcher.resolver.close()
    return times


def with_choice(report: Report, choice: Choice, workers: int) -> Report:
    says = words.choice(choice, workers)
    return msgspec.structs.replace(report, engine=f"auto ({choice.engine})", auto=says)


def with_baseline(
    report: Report, times: Sequence[float], requests: int, rng: random.Random
) -> Report:
    if not times:
        return report
    baseline = estimate(times, requests, report.wall_s, rng)
    return msgspec.structs.replace(report, baseline=baseline)


def make_directory(settings: Settings) -> Path:
    """The run directory, new. Raises UsageError where it exists, StateError where it cannot be."""
    directory = Path(settings.run or Path("runs") / time.strftime("%Y%m%d-%H%M%S"))
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        if settings.run is None:
            return make_directory(msgspec.structs.replace(settings, run=_next_free(directory)))
        raise UsageError(f"--run {directory}: exists already, and is not overwritten") from None
    except OSError as error:
        raise StateError(f"{directory}: {error.strerror}") from None
    return directory


def _next_free(directory: Path) -> Path:
    """Two runs within a second get names of their own."""
    number = 2
    while (path := directory.with_name(f"{directory.name}-{number}")).exists():
        number += 1
    return path


def write_settings(settings: Settings, directory: Path) -> None:
    """``settings.toml``: what was asked for, without what is secret. Raises StateError."""
    asked = ((each.name, getattr(settings, each.name)) for each in options())
    text = "".join(
        # For the types of options a JSON value is a TOML value.
        f"{name} = {msgspec.json.encode(value, enc_hook=str).decode()}\n"
        for name, value in asked
        if value is not None and name != "sources"
    )
    path = directory / "settings.toml"
    with writing(path):
        path.write_text(text, encoding="utf-8")


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


def crawl_to_end(
    settings: Settings,
    source: Iterable[str],
    directory: Path,
    started: float,
    spawned: Iterable[Spawned],
) -> tuple[Report, bool]:
    """Run a crawl, showing how far it is; gives its report and whether it was interrupted.

    Raises UsageError, StateError.
    """
    sinks = page_sinks(settings, directory)
    crawl = CrawlThread(settings, source, sinks, directory, started, spawned)
    progress = Progress(sys.stderr, quiet=settings.quiet)
    with stopped_by_signals(crawl, settings.quiet) as signals:
        crawl.start()
        with progress:
            while not crawl.wait(EVERY):
                snapshot = crawl.snapshot()
                if snapshot is not None:
                    progress.draw(snapshot)
    return write_report(crawl.report(), directory), bool(signals)


def run(settings: Settings, spawned: Sequence[Spawned] = ()) -> int:
    """``crawler crawl``: crawl, report, and give the exit code. Raises UsageError, StateError.

    ``spawned`` are parse processes that were started ahead.
    """
    # What the process did so far is start up; it did so on one thread, so its CPU is the time.
    started = time.monotonic() - time.process_time()
    source = lines(settings.sources)
    directory = make_directory(settings)
    write_settings(settings, directory)
    try:
        report, interrupted = crawl_to_end(settings, source, directory, started, spawned)
    except UsageError:
        shutil.rmtree(directory)
        raise
    if not report.urls.input and not interrupted:
        shutil.rmtree(directory)
        raise UsageError(f"{' '.join(settings.sources)}: there is no URL in it")
    show(report, settings, directory)
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
