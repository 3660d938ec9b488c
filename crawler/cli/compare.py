"""``crawler compare``."""

import argparse
import os
import signal
import sys

from crawler.cli.options import Parser, add_config, add_flags
from crawler.errors import UsageError
from crawler.settings import AUTO, ENGINES

REPEAT = 13
"""Pairs of runs, unless asked otherwise: on a busy machine (a variation of 6 %, one run in ten
disturbed) so many find 19 of 20 differences of 20 %, and 5 would find half of them.
"""
_CONCURRENCY = 64
_NOT_OURS = {
    *("engine", "concurrency", "out", "record", "strict"),
    *("resume", "order", "history", "metrics_port"),
}
_EPILOG = """\
The list is crawled once, politely, and recorded into the run directory; the engines are compared on
that recording, replayed on this machine with the waits that there were. --replay FILE compares on
an archive that is there already, --live on the network itself: then every run asks the sites.

The other options are those of `crawler crawl`; --delay, --per-host, --rate, --robots, --retries and
--follow hold for the recording, and for --live.
"""


def add_arguments(parser: Parser) -> None:
    """Add what is compared, and the options of a crawl that leave it comparable."""
    parser.usage = "crawler compare [OPTION]... SOURCE..."
    parser.epilog = _EPILOG
    group = parser.add_argument_group("comparing")
    names = "separated by commas, or all (default: our own but sequential)"
    group.add_argument("--engines", metavar="NAMES", help=names)
    group.add_argument(
        "--concurrency", metavar="N,…", help=f"one or several (default: {_CONCURRENCY})"
    )
    group.add_argument("--repeat", type=int, metavar="N", help=f"runs of each (default: {REPEAT})")
    group.add_argument("--live", action="store_true", help="ask the sites in every run")
    add_flags(parser, _NOT_OURS)
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare; gives the exit code. Raises UsageError and StateError."""
    flags = vars(arguments)
    if not flags["sources"]:
        raise UsageError("nothing to compare on: name a URL, a file of URLs, or -")
    from crawler.compare.record import to_json
    from crawler.compare.session import Asked, compare

    engines = _engines(flags.pop("engines", None))
    concurrencies = _numbers(flags.pop("concurrency", str(_CONCURRENCY)))
    repeat, live = flags.pop("repeat", REPEAT), flags.pop("live", False)
    if repeat < 1:
        raise UsageError(f"--repeat must be a whole number of at least 1, not {repeat}")
    asked = Asked(flags, flags.pop("config", None), engines, concurrencies, repeat, live)
    settings = asked.settings()

    def say(text: str) -> None:
        if not settings.quiet:
            sys.stderr.write(f"crawler: {text}\n")

    # An end asked for politely is one that leaves nothing behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    comparison, directory = compare(asked, say)
    if settings.json:
        sys.stdout.write(to_json(comparison).decode())
    elif not settings.quiet:
        from rich.console import Console

        from crawler.compare import terminal

        terminal.show(comparison, Console(highlight=False), os.fspath(directory))
    return 0


def _engines(text: str | None) -> tuple[str, ...]:
    if text is None:
        return tuple(name for name in ENGINES if name != "sequential")
    if text == "all":
        from crawler.build import engine_names

        return engine_names()
    names = tuple(dict.fromkeys(text.split(",")))
    if AUTO in names:
        raise UsageError("--engines auto: it is one of the others itself; name those to compare")
    return names


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 10_000 for part in parts):
        raise UsageError(
            f"--concurrency must be whole numbers from 1 to 10000, between commas, not {text!r}"
        )
    return tuple(dict.fromkeys(map(int, parts)))
