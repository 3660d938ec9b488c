"""Runs a sharded crawl for the command line and from Python."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from crawler.app.inputs import UrlSource, check_same, facts, of_python, streams_of, to_divide
from crawler.app.interrupts import CODE as INTERRUPTED
from crawler.app.interrupts import Interrupts
from crawler.app.run_dir import Run, begin, resume
from crawler.distributed.divider import Divider
from crawler.distributed.driver import Driver
from crawler.distributed.engines.registry import open_workers
from crawler.distributed.origins import forget_logins
from crawler.distributed.slice import end_idle
from crawler.distributed.workers import SliceWorkers
from crawler.model.errors import StateError, UsageError
from crawler.model.files import make_folder
from crawler.runs.layout import ORIGINS, SHARDS
from crawler.settings import Settings, options, source_names
from crawler.settings.distribution import SHARDS_PER_SLOT
from crawler.settings.secrets import from_secrets
from crawler.sources.input_line import RawLines

TELL_S = 0.5
"""Seconds between two updates of the progress line."""


def run(settings: Settings) -> int:
    """``crawler crawl --on``: crawl, report, and return the exit code.

    Raises UsageError and StateError.
    """
    _check(settings)
    with (
        _workers(settings) as workers,
        begin(_with_shards(settings, workers), facts(settings)) as begun,
        Interrupts(quiet=settings.quiet) as interrupts,
    ):
        streams = streams_of(begun)
        crawl = ShardedCrawl(begun, to_divide(begun, streams), workers)
        interrupts.watch(crawl, streams)
        crawl.run()
        if not interrupts.received:
            streams.finish()
            if not begun.store.counts.taken:
                raise UsageError(f"{source_names(settings)}: contains no URLs")
        return crawl.end(interrupted=interrupts.received > 0)


def resume_run(directory: Path, settings: Settings, *, given_again: bool = False) -> int:
    """``crawler crawl --resume`` of a sharded run. Raises UsageError and StateError."""
    _check(settings)
    with (
        _workers(settings) as workers,
        resume(directory, settings) as resumed,
        Interrupts(quiet=settings.quiet) as interrupts,
    ):
        check_same(resumed)
        streams = streams_of(resumed, given_again=given_again)
        crawl = ShardedCrawl(resumed, to_divide(resumed, streams), workers)
        interrupts.watch(crawl, streams)
        crawl.run()
        if not interrupts.received:
            streams.finish()
        return crawl.end(interrupted=interrupts.received > 0)


def _check(settings: Settings) -> None:
    """Raises UsageError for what cannot travel to workers."""
    secrets = from_secrets(os.environ, options())
    for each in options():
        value = getattr(settings, each.name)
        if each.name != "on" and each.objects.accepts(value) and not isinstance(value, str):
            raise UsageError(f"{each.flag}: an object of Python cannot travel to workers")
        if each.extra["secret"] and value != each.default and each.name not in secrets:
            raise UsageError(
                f"{each.flag}: secrets do not travel to workers; write them into a file that the "
                "variable CRAWLER_SECRETS names, here and on every worker"
            )


@contextmanager
def _workers(settings: Settings) -> Iterator[SliceWorkers]:
    """Raises UsageError."""
    if settings.on is None:
        raise UsageError("--on: this run has shards, so say where they are to be crawled")
    try:
        with open_workers(settings.on, settings.slots) as workers:
            yield workers
    finally:
        end_idle()


def _with_shards(settings: Settings, workers: SliceWorkers) -> Settings:
    count = settings.shards or SHARDS_PER_SLOT * max(1, workers.slots())
    return msgspec.structs.replace(settings, shards=count)


class ShardedCrawl:
    """One session of a sharded crawl."""

    def __init__(self, run: Run, lines: RawLines, workers: SliceWorkers) -> None:
        """Raises StateError if files of the run are damaged."""
        settings = run.settings
        assert settings.shards is not None
        self._run = run
        self._workers = workers
        make_folder(run.directory / SHARDS)
        divider = Divider(run, lines, settings.shards)
        self._driver = Driver(run.directory, settings, settings.shards, divider, workers)
        self._divider = divider

    def stop(self) -> None:
        """Give no more orders, and let the slices end in order."""
        self._driver.stop()

    def abort(self) -> None:
        """Wait for nothing more: what has not ended can be resumed."""
        os._exit(INTERRUPTED)

    def run(self) -> None:
        """Return when the crawl is over, or was stopped. Raises UsageError and StateError."""
        self._driver.start()
        try:
            self._driver.run(self._tell, TELL_S)
        finally:
            self._divider.stop()
        for shard, why in self._driver.board.failed.items():
            raise StateError(f"shard {shard} cannot go on: {why}")

    def _tell(self) -> None:
        done = [each.counts for each in self._driver.board.standings]
        finished = sum(each.done + each.failed + each.skipped for each in done)
        if not self._run.settings.quiet and sys.stderr.isatty():
            sys.stderr.write(f"\r{finished} finished")

    def end(self, *, interrupted: bool) -> int:
        board = self._driver.board
        if board.is_over and not interrupted:
            forget_logins(self._run.directory / ORIGINS)
        counts = [each.counts for each in board.standings]
        sys.stderr.write(
            f"done {sum(c.done for c in counts)} failed {sum(c.failed for c in counts)} "
            f"skipped {sum(c.skipped for c in counts)} pending {sum(c.pending for c in counts)} "
            f"sessions {sum(s.sessions for s in board.standings)} lost {self._driver.lost}\n"
        )
        if interrupted:
            return INTERRUPTED
        failed = sum(each.failed for each in counts)
        return 3 if self._run.settings.strict and failed else 0


_ = (Callable, UrlSource, of_python)
