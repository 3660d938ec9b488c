"""The command line. A command is a module with ``add_arguments(parser)`` and ``run(arguments)``.

Only the module of the command that was asked for is imported, and nothing heavy before it runs.
Exit codes: 0 done, 1 could not go on, 2 asked for wrongly, 3 with ``--strict`` where a URL failed,
130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from crawler.cli.flags import Parser
from crawler.model.errors import CrawlerError, UsageError
from crawler.model.version import __version__
from crawler.settings.spelling import nearest

COMMANDS = {
    "crawl": "fetch URL lists, and on request the sites behind them",
    "compare": "measure on your own list which engine does best",
    "status": "show how far a crawl is, also while it runs",
    "report": "write the HTML report of a run once more",
    "engines": "show the fetch engines and what each can do",
    "site": "serve a made-up web on this machine, to try things on",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` (without the program's name) asks for; gives the exit code."""
    try:
        try:
            return _dispatch(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()
    except CrawlerError as error:
        sys.stderr.write(f"crawler: {error}\n")
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not try to flush to them once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] not in COMMANDS:
        return _general(argv)
    module = import_module(f"{__name__}.{argv[0]}")
    parser = Parser(prog=f"crawler {argv[0]}", description=COMMANDS[argv[0]])
    module.add_arguments(parser)
    code: int = module.run(parser.read(argv[1:]))
    return code


def _general(argv: list[str]) -> int:
    width = max(map(len, COMMANDS))
    parser = Parser(
        prog="crawler",
        usage="crawler COMMAND [OPTION]...",
        description="\n".join(f"  {name:{width}}  {says}" for name, says in COMMANDS.items()),
        epilog="crawler COMMAND --help shows the options of a command.",
    )
    parser.add_argument("--version", action="store_true", default=False, help="show the version")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    asked = parser.read(argv)
    if not asked.version:
        raise UsageError(f"{asked.command} is not a command{nearest(asked.command, COMMANDS)}")
    sys.stdout.write(f"crawler {__version__}\n")
    return 0
