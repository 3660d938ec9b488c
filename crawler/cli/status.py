"""``crawler status``."""

import argparse
import shlex
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from crawler.app.resume import urls_of
from crawler.app.run_dir import LOCK, SETTINGS, STATE, is_locked
from crawler.cli.flags import Parser
from crawler.frontier.state.status import busiest, last_commit
from crawler.frontier.state.store import read_counts
from crawler.metrics.report import Urls
from crawler.model.errors import UsageError
from crawler.model.units import count, seconds, size
from crawler.settings import options
from crawler.settings.option import from_file

_HOSTS = 10
_WIDTH = 100
_LABEL = 10


class Status(msgspec.Struct, frozen=True):
    """A run at its last commit. ``process`` crawls it now (its id), or None does.

    ``last_commit`` is ISO 8601, UTC. ``hosts`` are those with most pending URLs, and how many.
    ``resume`` is the command that goes on with it, ``obstacle`` why there is none. ``finished`` is
    whether all of the input was read, and nothing of it is pending.
    """

    run: str
    running: bool
    finished: bool
    process: int | None
    last_commit: str
    urls: Urls
    bytes: int
    errors: dict[str, int]
    skips: dict[str, int]
    hosts: dict[str, int]
    resume: str | None
    obstacle: str | None


def add_arguments(parser: Parser) -> None:
    """Add the run directory and ``--json``."""
    parser.add_argument("run", metavar="RUN", help="directory of the run")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print how far it is; gives the exit code. Raises UsageError and StateError."""
    directory = Path(arguments.run)
    status = look(directory)
    if "json" in arguments:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(status)).decode() + "\n")
    else:
        _print(status, time.time() - last_commit(directory / STATE))
    return 0


def look(directory: Path) -> Status:
    """Raises UsageError where there is no run, StateError where its state cannot be used."""
    if not (directory / STATE).exists() and not (directory / SETTINGS).exists():
        raise UsageError(f"there is no run in {directory}")
    state = directory / STATE
    running = is_locked(directory)
    counts, facts = read_counts(state)
    finished = facts.get("input") == "read" and not counts.pending
    command, obstacle = (None, None) if running or finished else _resume(directory)
    return Status(
        run=str(directory),
        running=running,
        finished=finished,
        process=_process(directory) if running else None,
        last_commit=_time(last_commit(state)),
        urls=urls_of(counts),
        bytes=counts.bytes,
        errors=_ranked(counts.errors),
        skips=_ranked(counts.skips),
        hosts=busiest(state, _HOSTS),
        resume=command,
        obstacle=obstacle,
    )


def _process(directory: Path) -> int | None:
    """Who holds the lock, as the lock says; None in the moment before it does."""
    text = (directory / LOCK).read_text()
    return int(text) if text.isdecimal() else None


def _resume(directory: Path) -> tuple[str | None, str | None]:
    """The command that goes on with a run, what is secret left open; or why there is none."""
    try:
        asked = from_file(directory / SETTINGS, options())
    except UsageError as error:
        return None, str(error)
    command = ["crawler", "crawl", "--run", shlex.quote(str(directory)), "--resume"]
    for each in options():
        if each.name in asked and each.extra["secret"]:
            command += [each.flag, each.extra["metavar"]]
    return " ".join(command), None


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _print(status: Status, age: float) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    width = min(console.width, _WIDTH) - 2 - _LABEL
    console.print(Text.assemble(("crawler", "bold"), f" · {_title(status)}\n"), soft_wrap=True)
    for label, pieces in _rows(status, age):
        for number, line in enumerate(fill(pieces, width)):
            name = "" if number else label
            console.print(Text.assemble("  ", (name.ljust(_LABEL), "bold"), line), soft_wrap=True)
    console.print()


def fill(pieces: list[str], width: int) -> list[str]:
    """Put the pieces on lines of ``width``; none of them is broken."""
    # To textwrap a no-break space is no space.
    text = " ".join([piece.replace(" ", "\xa0") for piece in _dotted(pieces)])
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\xa0", " ").removesuffix(" ·") for line in lines]


def _dotted(pieces: list[str]) -> Iterator[str]:
    yield from (f"{piece} ·" for piece in pieces[:-1])
    yield pieces[-1]


def _title(status: Status) -> str:
    if not status.running:
        return f"{status.run} · {'finished' if status.finished else 'not running'}"
    by = f", process {status.process}" if status.process is not None else ""
    return f"{status.run} · running{by}"


def _rows(status: Status, age: float) -> Iterator[tuple[str, list[str]]]:
    urls = status.urls
    entries = count(urls.input + urls.discovered, "URL")
    yield "Pages", [f"{urls.done:,} of {entries}", *([size(status.bytes)] if urls.done else [])]
    if urls.failed:
        yield "Failed", [f"{urls.failed:,}", *_tally(status.errors)]
    if urls.skipped:
        yield "Skipped", [f"{urls.skipped:,}", *_tally(status.skips)]
    yield "Left", [f"{urls.pending:,} pending" if urls.pending else "nothing pending"]
    if status.hosts:
        yield "", _tally(status.hosts)
    yield "Found", list(_found(urls))
    yield "Committed", [f"{seconds(max(0, round(age)))} ago"]
    if status.obstacle:
        yield "Resume", [f"cannot be resumed: {status.obstacle}"]
    elif status.resume:
        yield "Resume", [status.resume]


def _found(urls: Urls) -> Iterator[str]:
    yield f"{count(urls.input, 'URL')} in the input"
    if urls.discovered:
        yield f"{urls.discovered:,} in links"
    if urls.duplicates:
        yield f"{count(urls.duplicates, 'duplicate')} left out"
    if urls.filtered:
        yield f"{count(urls.filtered, 'link')} out of scope"


def _tally(counts: Mapping[str, int]) -> list[str]:
    return [f"{name} × {number:,}" for name, number in counts.items()]
