"""``crawler status``."""

import argparse
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from crawler.cli.parser import Parser
from crawler.metrics import sentences
from crawler.metrics.progress import RunProgress
from crawler.metrics.report import Urls
from crawler.model.units import count, figure, seconds, size
from crawler.runs.sharded import ShardedProgress
from crawler.runs.status import Status, since_commit, status_of

_WIDTH = 100
_LABEL = 10


def add_arguments(parser: Parser) -> None:
    """Add the run directory and ``--json``."""
    parser.add_argument("run", metavar="RUN", help="directory of the run")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the status of a run; returns the exit code. Raises UsageError and StateError."""
    directory = Path(arguments.run)
    status = status_of(directory)
    if "json" in arguments:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(status)).decode() + "\n")
    else:
        _print(status, since_commit(directory, time.time()))
    return 0


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
    """Put the pieces on lines of ``width``; no piece is broken."""
    # textwrap does not break a line at a no-break space.
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
    if status.progress is not None:
        # While a resume begins, the last session has left its progress.
        is_current = status.progress.session.process == status.process
        yield from _live(status.progress, running=is_current)
    if status.shards is not None:
        yield "Shards", list(_shards(status.shards))
        yield from _live(status.shards, running=status.running)
    yield "Found", list(_found(urls))
    yield "Committed", [f"{seconds(max(0, round(age)))} ago"]
    if status.obstacle:
        yield "Resume", [f"cannot be resumed: {status.obstacle}"]
    elif status.resume:
        yield "Resume", [status.resume]


def _live(
    progress: RunProgress | ShardedProgress, *, running: bool
) -> Iterator[tuple[str, list[str]]]:
    """What only the process that crawls knows."""
    if running:
        slots = f"{progress.slots.used:,} of {progress.slots.most:,} requests in flight"
        yield "Speed", [f"{figure(progress.rate)} URLs/s", slots]
    if progress.resting_hosts:
        yield "Resting", list(sentences.resting(progress.resting, progress.resting_hosts))


def _shards(shards: ShardedProgress) -> Iterator[str]:
    yield f"{shards.finished:,} of {shards.shards:,} finished"
    if shards.running:
        yield f"{shards.running:,} being crawled"
    if shards.on_the_way:
        yield sentences.on_the_way(shards.on_the_way)


def _found(urls: Urls) -> Iterator[str]:
    yield f"{count(urls.input, 'URL')} in the input"
    if urls.discovered:
        yield f"{urls.discovered:,} in links"
    yield from sentences.not_taken(urls)


def _tally(counts: Mapping[str, int]) -> list[str]:
    return [f"{name} × {number:,}" for name, number in counts.items()]
