"""``crawler engines``."""

import argparse
import sys
from collections.abc import Iterator, Sequence

import msgspec

from crawler.cli.parser import Parser
from crawler.engines.base import Capabilities

HEADINGS = (
    *("engine", "library", "suspends", "keep-alive", "HTTP/2", "own threads", "at once", "proxies"),
)


def add_arguments(parser: Parser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print what each engine can do; returns the exit code."""
    from crawler.engines.registry import engine_capabilities

    engines = engine_capabilities()
    if "json" in arguments:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(engines)).decode() + "\n")
    elif sys.stdout.isatty():
        _print_table(engines)
    else:
        sys.stdout.write(plain_table(engines))
    return 0


def plain_table(engines: Sequence[Capabilities]) -> str:
    """The engines as a table in plain text, and below it a description of each."""
    rows = [HEADINGS, *map(_row, engines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_remarks(engines)]) + "\n"


def _print_table(engines: Sequence[Capabilities]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*HEADINGS, box=None, header_style="bold", pad_edge=False)
    for engine in engines:
        table.add_row(*_row(engine))
    console = Console(highlight=False)
    console.print(table)
    console.print()
    for remark in _remarks(engines):
        console.print(remark, markup=False)


def _row(engine: Capabilities) -> tuple[str, ...]:
    most = "any" if engine.max_concurrency is None else str(engine.max_concurrency)
    features = (engine.keep_alive, engine.http2, engine.own_threads)
    marks = ("yes" if each else "no" for each in features)
    proxies = " ".join(engine.proxies) or "none"
    return (engine.name, engine.library, engine.suspends, *marks, most, proxies)


def _remarks(engines: Sequence[Capabilities]) -> Iterator[str]:
    for engine in engines:
        yield f"{engine.name}: {engine.summary}"
        yield from (f"  {note}" for note in engine.notes)
