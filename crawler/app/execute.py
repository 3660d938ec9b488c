"""Runs a crawl for the command line: run directory, signals, progress, report, exit code."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from crawler.app.descriptors import enough_files
from crawler.app.inputs import check_same, facts, logins, of_settings, streams_of
from crawler.app.interrupts import CODE as INTERRUPTED
from crawler.app.interrupts import Interrupts
from crawler.app.report import write_report
from crawler.app.resume import CUT, INPUT
from crawler.app.run_dir import Run, begin, resume
from crawler.app.streams import InputStreams
from crawler.app.thread import CrawlOrder, CrawlThread
from crawler.metrics.report import Report, to_json
from crawler.model.errors import UsageError
from crawler.reporting.html.write import write_html
from crawler.reporting.live.logs import Console
from crawler.reporting.progress import Progress
from crawler.runs.status import resume_command
from crawler.settings import Settings, source_names

if TYPE_CHECKING:
    from crawler.parsing.executors.forkserver import ForkServer

EVERY = 0.25
"""Seconds between two updates of the progress line."""


def run(settings: Settings, prestarted: "ForkServer | None" = None) -> int:
    """``crawler crawl``: crawl, report, and return the exit code.

    ``prestarted`` is a fork server that is already running. Raises UsageError, StateError.
    """
    waiting_since = process_start()
    with (
        enough_files(settings),
        begin(settings, facts(settings), logins(settings)) as begun,
        Interrupts(quiet=settings.quiet) as interrupts,
    ):
        streams = streams_of(begun)
        lines = of_settings(begun, streams)
        order = CrawlOrder(begun, lines, waiting_since, prestarted=prestarted)
        report, interrupted = _crawl_to_end(order, streams, interrupts)
        if not report.urls.input and not interrupted:
            raise UsageError(f"{source_names(settings)}: contains no URLs")
        return end_for_a_person(report, begun, interrupted=interrupted)


def resume_run(
    directory: Path,
    settings: Settings,
    prestarted: "ForkServer | None" = None,
    *,
    given_again: bool = False,
) -> int:
    """``crawler crawl --resume``: like ``run``, for the run in ``directory``.

    ``settings`` are what ``resumed_settings`` returned; ``given_again`` if the sources were given
    again. Raises UsageError, StateError.
    """
    waiting_since = process_start()
    with (
        enough_files(settings),
        resume(directory, settings) as resumed,
        Interrupts(quiet=settings.quiet) as interrupts,
    ):
        check_same(resumed)
        resumed.store.add((), logins=logins(settings))
        streams = streams_of(resumed, given_again=given_again)
        lines = of_settings(resumed, streams)
        order = CrawlOrder(resumed, lines, waiting_since, prestarted=prestarted)
        report, interrupted = _crawl_to_end(order, streams, interrupts)
        return end_for_a_person(report, resumed, interrupted=interrupted)


def process_start() -> float:
    """Return the monotonic time at which this process started.

    So far it has only run start-up code on one thread, so its CPU time is about its age.
    """
    return time.monotonic() - time.process_time()


def _crawl_to_end(
    order: CrawlOrder, streams: InputStreams, interrupts: Interrupts
) -> tuple[Report, bool]:
    """Crawl and show progress; return the report and whether a signal interrupted the crawl."""
    run, quiet = order.run, order.run.settings.quiet
    progress = Progress(sys.stderr, quiet=quiet)
    console = Console(sys.stderr, progress.clear)
    crawl = CrawlThread(msgspec.structs.replace(order, console=console))
    interrupts.watch(crawl, streams)
    crawl.start()
    with progress:
        while not crawl.wait(EVERY):
            snapshot = crawl.snapshot()
            if snapshot is not None:
                with console.alone:
                    progress.draw(snapshot)
    interrupted = interrupts.received > 0
    if not interrupted:
        streams.finish()
    report = write_report(crawl.report(), run.directory)
    write_html(run.directory)
    return report, interrupted


def end_for_a_person(report: Report, ended: Run, *, interrupted: bool) -> int:
    """Show the report of a crawl that has ended; return the exit code."""
    settings = ended.settings
    _show(report, settings, ended.directory)
    if interrupted:
        return INTERRUPTED
    if ended.store.facts.get(INPUT) == CUT:
        sys.stderr.write(f"crawler: {_incomplete(ended.directory)}\n")
        return 4
    return 3 if settings.strict and report.urls.failed else 0


def _incomplete(directory: Path) -> str:
    command, obstacle = resume_command(directory)
    return (
        "the input had not ended when the run was stopped, so it is incomplete; give all of it "
        f"again: {command or obstacle}"
    )


def _show(report: Report, settings: Settings, directory: Path) -> None:
    if report.auto and not settings.quiet:
        sys.stderr.write(f"crawler: auto: {report.auto}\n")
    if settings.json:
        sys.stdout.write(to_json(report).decode())
    elif not settings.quiet:
        from rich.console import Console as RichConsole

        from crawler.reporting import terminal

        terminal.show(report, RichConsole(stderr=True), str(directory))
