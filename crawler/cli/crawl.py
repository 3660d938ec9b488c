"""``crawler crawl``."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.app.standard_streams import check_output
from crawler.cli.flags import add_config, add_flags
from crawler.cli.imports import check_memory, uncollected
from crawler.cli.parser import Parser
from crawler.model.errors import UsageError
from crawler.model.units import count
from crawler.runs.layout import check_is_whole, resumed_settings
from crawler.settings import Settings, load, taken_variables
from crawler.settings.option import SECRETS

if TYPE_CHECKING:
    from crawler.localweb.replay import Replay

_EPILOG = """\
Every option can also be set in a TOML file (--config, see config/default.toml) or in an environment
variable CRAWLER_<NAME>, e.g. CRAWLER_PER_HOST=2; a variable for a list has one value per line.
Flags override variables, and variables override the file.

exit codes: 0 every URL has a final state, 1 stopped by an error, 2 wrong usage or configuration,
3 a URL failed (with --strict), 4 the input was incomplete (on a resume), 130 interrupted
"""


def add_arguments(parser: Parser) -> None:
    """Add a flag for every option, and ``--config``."""
    parser.usage = "crawler crawl [OPTION]... SOURCE..."
    parser.epilog = _EPILOG
    add_flags(parser)
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Crawl; returns the exit code. Raises UsageError and StateError."""
    with taken_variables(os.environ) as variables:
        return _run(vars(arguments), variables)


def _run(flags: dict[str, Any], variables: Mapping[str, str]) -> int:
    config = flags.pop("config", None)
    directory = Path(str(flags["run"])) if flags.get("run") else None
    given_again = "sources" in flags
    if flags.get("resume"):
        check_is_whole(directory)
        settings = resumed_settings(directory, flags, variables)
    else:
        settings, directory = load(flags, variables, config), None
    if not settings.sources:
        raise UsageError("nothing to crawl: name a URL, a file of URLs, or - for standard input")
    check_memory()
    if settings.json or "-" in settings.out:
        check_output()
    if settings.on is not None or settings.shards is not None:
        if SECRETS in variables:  # the name of a file that workers read
            os.environ[SECRETS] = str(Path(variables[SECRETS]).absolute())
        return _sharded(settings, directory, given_again=given_again)
    with uncollected():
        from crawler.parsing.executors.names import PARSING_HERE
        from crawler.parsing.executors.registry import prestarted

    with prestarted(settings.parse) as server:
        # It starts on another core while this process still imports.
        with uncollected():
            from crawler.app import execute
            from crawler.app.little_memory import need_less_memory

        need_less_memory(parses=settings.parse in PARSING_HERE)

        def crawl() -> int:
            if directory is None:
                return execute.run(settings, server)
            return execute.resume_run(directory, settings, server, given_again=given_again)

        return crawl() if settings.replay is None else _replayed(settings, crawl)


def _sharded(settings: Settings, directory: Path | None, *, given_again: bool) -> int:
    from crawler.distributed import execute

    if directory is None:
        return execute.run(settings)
    return execute.resume_run(directory, settings, given_again=given_again)


def _replayed(settings: Settings, crawl: Callable[[], int]) -> int:
    from crawler.localweb.replay import Replay

    assert settings.replay is not None
    with Replay(settings.replay, settings.latency_scale) as replay:
        code = crawl()
    if not settings.quiet:
        sys.stderr.writelines(f"crawler: {settings.replay}: {line}\n" for line in gaps(replay))
    return code


def gaps(replay: "Replay") -> Iterator[str]:
    """Sentences about requests for which the archive has no response."""
    yield from replay.losses
    if replay.missed:
        yield f"not in the archive: {count(replay.missed, 'request')} (answered with status 404)"
    if replay.unknown_hosts:
        some = ", ".join(replay.unknown_hosts[:3]) + ", …" * (len(replay.unknown_hosts) > 3)
        yield f"not in the archive: {count(len(replay.unknown_hosts), 'host')} ({some})"
