"""A crawl as a whole: its run directory, its thread, its signals, its reports."""

import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from crawler.app.inputs import facts, of_settings
from crawler.app.outputs import page_sinks
from crawler.app.run_dir import Run, begin, resume
from crawler.app.thread import CrawlThread
from crawler.metrics.report import Report, to_json
from crawler.model.errors import UsageError, writing
from crawler.parsing.executors.spawn import Spawned
from crawler.reporting.html.write import write_html
from crawler.reporting.live.logs import Console
from crawler.reporting.progress import Progress
from crawler.settings import Settings

EVERY = 0.25
"""Seconds between two looks at a running crawl."""


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

        from crawler.reporting import terminal

        terminal.show(report, Console(stderr=True), str(directory))
