"""``crawler crawl``."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.cli.flags import Parser, add_flags
from crawler.model.errors import UsageError
from crawler.parsing.executors.registry import prestarted
from crawler.runs.layout import resumed_settings
from crawler.settings import Settings, load

if TYPE_CHECKING:
    from crawler.localweb.replay import Replay

_EPILOG = """\
Every option can also be set in a TOML file (--config, see config/default.toml) or as an environment
variable CRAWLER_<NAME>, e.g. CRAWLER_PER_HOST=2; a list has one value a line there. Flags win over
variables, variables over the file.

exit codes: 0 every URL has a final state, 1 the crawl could not go on, 2 usage or configuration,
3 with --strict: a URL failed, 130 interrupted
"""


def add_arguments(parser: Parser) -> None:
    """Add a flag for every option, and ``--config``."""
    parser.usage = "crawler crawl [OPTION]... SOURCE..."
    parser.epilog = _EPILOG
    add_flags(parser)
    parser.add_argument("--config", metavar="FILE", help="TOML file with options")


def run(arguments: argparse.Namespace) -> int:
    """Crawl; return the exit code. Raises UsageError and StateError."""
    flags = vars(arguments)
    config = flags.pop("config", None)
    directory = Path(str(flags["run"])) if flags.get("run") else None
    if flags.get("resume"):
        settings = resumed_settings(directory, flags)
    else:
        settings, directory = load(flags, os.environ, config), None
    if not settings.sources:
        raise UsageError("nothing to crawl: name a URL, a file of URLs, or - for standard input")
    with prestarted(settings.parse, settings.first_workers) as processes:
        # They start on another core while this process still imports.
        from crawler.app import execute

        def crawl() -> int:
            if directory is None:
                return execute.run(settings, processes)
            return execute.resume_run(directory, settings, processes)

        return crawl() if settings.replay is None else _replayed(settings, crawl)


def _replayed(settings: Settings, crawl: Callable[[], int]) -> int:
    from crawler.localweb.replay import Replay

    assert settings.replay is not None
    with Replay(settings.replay, settings.latency_scale) as replay:
        code = crawl()
    if not settings.quiet:
        sys.stderr.writelines(f"crawler: {settings.replay}: {line}\n" for line in gaps(replay))
    return code


def gaps(replay: "Replay") -> Iterator[str]:
    """What was asked for that the archive does not hold, in words."""
    if replay.torn:
        yield "the file is torn: its end could not be read"
    if replay.missed:
        yield f"{replay.missed:,} requests were for what is not in the archive, and got a 404"
    if replay.unknown_hosts:
        some = ", ".join(replay.unknown_hosts[:3]) + ", …" * (len(replay.unknown_hosts) > 3)
        yield f"{len(replay.unknown_hosts):,} hosts are not in the archive: {some}"
