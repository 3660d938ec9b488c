"""The command line. A command is a module with ``add_arguments(parser)`` and ``run(arguments)``.

Only the module of the command in use is imported, and nothing heavy before it runs. Exit codes: 0
done, 1 stopped by an error, 2 wrong usage or configuration, 3 a URL failed (with ``--strict``), 4
the input was incomplete (on a resume), 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from crawler.app.standard_streams import check_output, flush_output, prepare
from crawler.cli.imports import uncollected
from crawler.cli.parser import Parser
from crawler.model.errors import CrawlerError, UsageError
from crawler.model.spelling import nearest
from crawler.model.version import __version__

COMMANDS = {
    "crawl": "fetch lists of URLs, and follow their links if you want",
    "compare": "measure which engine is best for your list of URLs",
    "status": "show the progress of a crawl, also while it runs",
    "report": "write the HTML report of a run again",
    "extract": "show what the rules of --extract find in a page",
    "export": "write the pages of runs as a table, a database or another file",
    "engines": "show the fetch engines and what each can do",
    "site": "serve a synthetic web on this machine, for tests",
}
_ANSWERING = ("status", "extract", "engines", "site")
"""Commands of which standard output has the answer."""
_NO_MEMORY = (
    *("can't start new thread", "failed to map segment", "Cannot allocate memory"),
    *("cannot map zero-fill", "returned NULL without setting an exception"),
)
"""What messages contain where the system refuses a thread, a library or memory.

The last one is Python's own, where an import ran out of memory and lost the error.
"""
_TOO_LITTLE = (
    "the system gives this process too little memory or too few threads: raise the limits (ulimit "
    "-v, -d, -u), or need less with --parse inline and a lower --concurrency"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` (without the program's name); returns the exit code.

    Without ``argv`` it is the program, to which the arguments and the standard streams belong.
    """
    if argv is None:
        prepare()
    try:
        try:
            return _dispatch(_own_arguments() if argv is None else list(argv))
        finally:
            flush_output()
    except CrawlerError as error:
        sys.stderr.write(f"crawler: {error}\n")
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone
        return 1
    except UnicodeEncodeError as error:
        sys.stderr.write(f"crawler: {error.object!a} is not UTF-8 text\n")
        return 2
    except (MemoryError, RuntimeError, SystemError, ImportError, OSError) as error:
        if not _is_out_of_memory(error):
            if isinstance(error, OSError):
                sys.stderr.write(f"crawler: {_refused(error)}\n")
                return 1
            raise
        sys.stderr.write(f"crawler: {_TOO_LITTLE}\n")
        return 1


def _refused(error: OSError) -> str:
    """What the system refused, where no file of ours says it better."""
    reason = error.strerror or "the system refused an operation"
    return reason if error.filename is None else f"{os.fsdecode(error.filename)}: {reason}"


def _own_arguments() -> list[str]:
    """Take the arguments of this program: its processes receive a copy of ``sys.argv``, but they
    need none of its secrets.
    """
    arguments = sys.argv[1:]
    del sys.argv[1:]
    return arguments


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(each in str(error) for each in _NO_MEMORY)


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] not in COMMANDS:
        return _general(argv)
    with uncollected():
        module = import_module(f"{__name__}.{argv[0]}")
    parser = Parser(prog=f"crawler {argv[0]}", description=COMMANDS[argv[0]])
    module.add_arguments(parser)
    arguments = parser.read(argv[1:])
    _check_directory()
    if argv[0] in _ANSWERING:
        check_output()
    code: int = module.run(arguments)
    return code


def _check_directory() -> None:
    """Raise UsageError if the current directory was removed: no relative path leads anywhere."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib takes 5 ms to import
    except OSError as error:
        raise UsageError(
            f"the current directory: {error.strerror}; change to another one"
        ) from None


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
    arguments = parser.read(argv)
    if not arguments.version:
        hint = nearest(arguments.command, COMMANDS)
        raise UsageError(f"{arguments.command} is not a command{hint}")
    check_output()
    sys.stdout.write(f"crawler {__version__}\n")
    return 0
