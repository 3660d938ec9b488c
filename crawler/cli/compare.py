"""``crawler compare``."""

import argparse
import os
import signal
import sys
from typing import Any

from crawler.app.standard_streams import check_output, tell
from crawler.cli.flags import add_config, add_flags
from crawler.cli.parser import Parser
from crawler.engines.names import AUTO, ENGINES, installed_engines, is_installed
from crawler.model.errors import UsageError
from crawler.parsing.executors.names import EXECUTORS
from crawler.settings import taken_variables
from crawler.settings.defaults import CONCURRENCY

REPEAT = 13
"""Default number of pairs of runs. On a busy machine (variation 6 %, one run in ten disturbed) 13
pairs find 19 of 20 differences of 20 %; 5 pairs find half of them.
"""
_LEFT_OUT = {
    *("engine", "concurrency", "parse", "workers", "out", "record", "strict"),
    *("resume", "order", "history", "metrics_port"),
}
_EPILOG = """\
The list is crawled once, politely, and recorded in the run directory. Everything is compared on
this recording, which is replayed on this machine with the recorded waits. --replay FILE uses an
existing archive instead. --live uses the network: then every run sends requests to the sites.

Every engine runs at every concurrency, with every parse executor and every number of workers.

The other options are those of `crawler crawl`; --delay, --per-host, --rate, --robots, --retries and
--follow apply to the recording, and to --live.
"""


def add_arguments(parser: Parser) -> None:
    """Add the options of the comparison, and those of a crawl that keep runs comparable."""
    parser.usage = "crawler compare [OPTION]... SOURCE..."
    parser.epilog = _EPILOG
    group = parser.add_argument_group("comparing")
    names = (
        "separated by commas, or all (default: all installed built-in engines except sequential, "
        f"or only {ENGINES[0]} with several of --parse or --workers)"
    )
    group.add_argument("--engines", metavar="NAMES", help=names)
    group.add_argument(
        "--concurrency", metavar="N,…", help=f"one or several (default: {CONCURRENCY})"
    )
    executors = f"parse executors ({', '.join(EXECUTORS)}; default: {next(iter(EXECUTORS))})"
    group.add_argument("--parse", metavar="NAME,…", help=f"one or several {executors}")
    cores = "processes or threads that parse, one number or several (default: usable cores)"
    group.add_argument("--workers", metavar="N,…", help=cores)
    runs = f"runs of each engine at each concurrency, with each way to parse (default: {REPEAT})"
    group.add_argument("--repeat", type=int, metavar="N", help=runs)
    group.add_argument("--live", action="store_true", help="fetch from the sites in every run")
    add_flags(parser, _LEFT_OUT)
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare; returns the exit code. Raises UsageError and StateError."""
    with taken_variables(os.environ) as variables:
        return _run(vars(arguments), variables)


def _run(flags: dict[str, Any], variables: dict[str, str]) -> int:
    if not flags.get("sources"):
        raise UsageError("nothing to compare: name a URL, a file of URLs, or - for standard input")
    from crawler.app.fetching import check_roots
    from crawler.compare.options import CompareOptions
    from crawler.compare.session import compare
    from crawler.metrics.comparison import to_json
    from crawler.reporting.html.write import write_html

    executors, workers = _texts(flags.pop("parse", None)), _texts(flags.pop("workers", None))
    engines = _engines(flags.pop("engines", None), one=len(executors) > 1 or len(workers) > 1)
    concurrencies = _numbers(flags.pop("concurrency", str(CONCURRENCY)))
    repeat, live = flags.pop("repeat", REPEAT), flags.pop("live", False)
    if repeat < 1:
        raise UsageError(f"--repeat must be a whole number of at least 1, not {repeat}")
    config = flags.pop("config", None)
    options = CompareOptions(
        flags,
        config,
        engines,
        concurrencies,
        repeat,
        live,
        executors=executors,
        workers=workers,
        variables=variables,
    )
    settings = options.common()
    if settings.json:
        check_output()
    if settings.replay is None:
        check_roots()  # else the crawl of the recording would say it, in more than one sentence

    def say(text: str) -> None:
        if not settings.quiet:
            sys.stderr.write(f"crawler: {text}\n")

    # SIGTERM ends the comparison like Ctrl-C, so that temporary files and processes are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    comparison, directory = compare(options, say)
    write_html(directory)
    if settings.json:
        sys.stdout.write(to_json(comparison).decode())
    elif not settings.quiet:
        from rich.console import Console

        from crawler.reporting import comparison_terminal

        console = Console(highlight=False)
        tell(lambda: comparison_terminal.show(comparison, console, os.fspath(directory)))
    return 0


def _texts(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(text.split(","))


def _engines(text: str | None, *, one: bool) -> tuple[str, ...]:
    """``one``: without ``text`` it is the default engine alone."""
    if text is None:
        names = installed_engines()
        return names[:1] if one else tuple(name for name in names if name != "sequential")
    if text == "all":
        from crawler.engines.registry import engine_names

        return tuple(filter(is_installed, engine_names()))
    names = tuple(dict.fromkeys(text.split(",")))
    if AUTO in names:
        raise UsageError(
            "--engines auto: auto chooses one of the other engines; name those to compare"
        )
    return names


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 10_000 for part in parts):
        raise UsageError(
            f"--concurrency must be whole numbers from 1 to 10000 with commas between, not {text!r}"
        )
    return tuple(dict.fromkeys(map(int, parts)))
