"""Runs a sharded crawl for the command line and from Python."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from crawler.app.execute import end_for_a_person, process_start
from crawler.app.inputs import (
    UrlSource,
    check_same,
    facts,
    lines_of,
    logins,
    streams_of,
    to_divide,
)
from crawler.app.interrupts import CODE as INTERRUPTED
from crawler.app.interrupts import Interrupts
from crawler.app.report import write_report
from crawler.app.run_dir import Run, begin, resume
from crawler.app.streams import InputStreams
from crawler.distributed.checks import check
from crawler.distributed.divider import Divider
from crawler.distributed.driver import Driver
from crawler.distributed.engines.registry import open_workers
from crawler.distributed.gather import join, prepare
from crawler.distributed.origins import forget_logins
from crawler.distributed.progress import RateWindow, finished_in, progress_of
from crawler.distributed.slice import end_idle
from crawler.distributed.workers import SliceWorkers
from crawler.metrics.merge import DriverSession
from crawler.metrics.report import Report
from crawler.model.errors import StateError, UsageError
from crawler.model.files import make_folder
from crawler.reporting.html.write import write_html
from crawler.reporting.progress import Progress
from crawler.runs.layout import ORIGINS, SHARDS
from crawler.runs.slices import merged_report
from crawler.settings import Settings, source_names
from crawler.settings.distribution import SHARDS_PER_SLOT
from crawler.settings.types import MOST_SHARDS
from crawler.sources.input_line import RawLines

TELL_S = 0.5
"""Seconds between two updates of the progress line."""


def run(settings: Settings) -> int:
    """``crawler crawl --on``: crawl, report, and return the exit code.

    Raises UsageError and StateError.
    """
    waiting_since = process_start()
    with opened(settings) as workers, _new(settings, workers) as begun:
        return _for_a_person(begun, workers, streams_of(begun), waiting_since)


def resume_run(directory: Path, settings: Settings, *, given_again: bool = False) -> int:
    """``crawler crawl --resume`` of a sharded run. Raises UsageError and StateError."""
    waiting_since = process_start()
    with opened(settings) as workers, resume(directory, settings) as resumed:
        check_same(resumed)
        resumed.store.add((), logins=logins(settings))
        streams = streams_of(resumed, given_again=given_again)
        return _for_a_person(resumed, workers, streams, waiting_since)


def crawl_urls(urls: UrlSource, settings: Settings) -> Report:
    """Crawl URLs from Python in shards; returns the report.

    Raises UsageError, StateError, what ``urls`` raises, and KeyboardInterrupt after the slices
    have ended.
    """
    started = time.monotonic()
    with opened(settings) as workers, _run_of(settings, workers) as run_of_python:
        crawl = ShardedCrawl(run_of_python, lines_of(urls), workers, started)
        try:
            crawl.run()
        except KeyboardInterrupt:
            crawl.end()  # the files that were asked for, of what there is
            raise
        return crawl.end()


def _new(settings: Settings, workers: SliceWorkers) -> Run:
    count = settings.shards or min(MOST_SHARDS, SHARDS_PER_SLOT * max(1, workers.slots()))
    settings = msgspec.structs.replace(settings, shards=count)
    begun = begin(settings, facts(settings), logins(settings))
    with ExitStack() as undo:
        undo.push(begun)
        prepare(begun.settings)
        undo.pop_all()
    return begun


def _run_of(settings: Settings, workers: SliceWorkers) -> Run:
    if not settings.resume:
        return _new(settings, workers)
    assert settings.run is not None
    resumed = resume(Path(settings.run), settings)
    check_same(resumed)
    return resumed


@contextmanager
def opened(settings: Settings) -> Iterator[SliceWorkers]:
    """The workers of ``settings``. Raises UsageError for what cannot travel to them,
    and for a run without shards.
    """
    if settings.on is None:
        raise UsageError("--on: this run has shards, so say where they are to be crawled")
    if settings.resume and settings.shards is None:
        raise UsageError(
            "--on: this run has no shards; resume it without --on, or begin another one with --on"
        )
    check(settings)
    try:
        with open_workers(settings.on, settings.slots) as workers:
            yield workers
    finally:
        end_idle()


def _for_a_person(
    run: Run, workers: SliceWorkers, streams: InputStreams, waiting_since: float
) -> int:
    settings = run.settings
    with Interrupts(quiet=settings.quiet) as interrupts:
        crawl = ShardedCrawl(run, to_divide(run, streams), workers, waiting_since)
        interrupts.watch(crawl, streams)
        crawl.run()
        if not interrupts.received:
            streams.finish()
            if not run.store.counts.taken:
                raise UsageError(f"{source_names(settings)}: contains no URLs")
        report = crawl.end()
    return end_for_a_person(report, run, interrupted=bool(interrupts.received))


class ShardedCrawl:
    """One session of a sharded crawl, for which somebody waits since then (monotonic seconds)."""

    def __init__(
        self, run: Run, lines: RawLines, workers: SliceWorkers, waiting_since: float
    ) -> None:
        """Raises StateError if files of the run are damaged."""
        settings = run.settings
        assert settings.shards is not None
        self._started = waiting_since
        self._done_before = 0
        self._slots = 1
        self._run = run
        self._workers = workers
        self._progress = Progress(sys.stderr, quiet=settings.quiet)
        self._rate = RateWindow()
        make_folder(run.directory / SHARDS)
        self._divider = Divider(run, lines, settings.shards)
        self._driver = Driver(run.directory, settings, settings.shards, self._divider, workers)

    def stop(self) -> None:
        """Give no more orders, and let the slices end in order."""
        self._driver.stop()

    def abort(self) -> None:
        """Wait for nothing more: what has not ended can be resumed."""
        os._exit(INTERRUPTED)

    def run(self) -> None:
        """Return when the crawl is over, or was stopped. Raises UsageError and StateError."""
        try:
            self._driver.start()
            self._done_before = sum(each.counts.done for each in self._driver.board.standings)
            with self._progress:
                self._driver.run(self._tell, TELL_S)
        finally:
            self._divider.stop()
        for shard, why in self._driver.board.failed.items():
            with suppress(StateError):  # as far as the states can be read
                join(self._run)
            raise StateError(f"shard {shard} cannot go on: {why}")

    def _tell(self) -> None:
        board = self._driver.board
        rate = self._rate.rate(time.monotonic(), finished_in(board.standings))
        slots, busy = self._workers.slots(), len(board.ordered)
        self._slots = max(self._slots, slots)
        progress = progress_of(board.standings, busy, slots, rate, self._driver.lost)
        self._progress.draw_line(progress.line)

    def end(self) -> Report:
        """Write the files of pages and the reports; returns that of the whole run.

        Raises StateError.
        """
        run, driver = self._run, self._driver
        join(run)
        if driver.board.is_over:
            forget_logins(run.directory / ORIGINS)
        ended = time.monotonic()
        first = min(driver.first_order, ended)
        session = DriverSession(
            started=time.time() - (ended - first),
            wall_s=ended - first,
            startup_s=first - self._started,
            slots=self._slots,
            shards=len(driver.board.standings),
            done_before=self._done_before,
        )
        report = write_report(merged_report(run.directory, session), run.directory)
        write_html(run.directory)
        return report
