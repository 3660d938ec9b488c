"""``crawler crawl``."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.cli.options import Parser, add_config, add_flags
from crawler.errors import UsageError
from crawler.settings import Settings, load, resumed

if TYPE_CHECKING:
    from crawler.testing.replay import Replay

_EPILOG = """\
Every option can also be set in a TOML file (--config) or as an environment variable CRAWLER_<NAME>,
e.g. CRAWLER_PER_HOST=2; a list has one value a line there. Flags win over variables, variables over
the file.

exit codes: 0 every URL has a final state, 1 the crawl could not go on, 2 usage or configuration,
3 with --strict: a URL failed, 130 interrupted
"""


def add_arguments(parser: Parser) -> None:
    """Add a flag for every option, and ``--config``."""
    parser.usage = "crawler crawl [OPTION]... SOURCE..."
    parser.epilog = _EPILOG
    add_flags(parser)
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Crawl; gives the exit code. Raises UsageError and StateError."""
    flags = vars(arguments)
    config = flags.pop("config", None)
    directory = _directory(flags)
    if directory is None:
        settings = load(flags, os.environ, config)
    else:
        settings = resumed(directory / "settings.toml", flags)
    if not settings.sources:
        raise UsageError("nothing to crawl: name a URL, a file of URLs, or - for standard input")
    if settings.parser:
        # The module may lie beside the person; last, so that it hides nothing of ours.
        sys.path.append(str(Path.cwd()))
    from crawler.parsing.spawn import spawned

    with spawned(settings.first_workers if settings.parse == "process" else 0) as processes:
        # They wake up on another core while this one still imports.
        from crawler import runner

        def crawl() -> int:
            if directory is None:
                return runner.run(settings, processes)
            return runner.go_on(directory, flags, processes)

        return crawl() if settings.replay is None else _replayed(settings, crawl)


def _replayed(settings: Settings, crawl: Callable[[], int]) -> int:
    from crawler.testing.replay import Replay

    assert settings.replay is not None
    with Replay(settings.replay, settings.latency_scale) as replay:
        code = crawl()
    if not settings.quiet:
        sys.stderr.writelines(f"crawler: {settings.replay}: {line}\n" for line in gaps(replay))
    return code


def _directory(flags: dict[str, object]) -> Path | None:
    """The run to go on with, or None for a new one. Raises UsageError where it is none."""
    if not flags.get("resume"):
        return None
    directory = Path(str(flags.get("run") or ""))
    if not flags.get("run") or not (directory / "settings.toml").is_file():
        raise UsageError(f"--resume: there is no run in {flags.get('run') or '(no --run given)'}")
    return directory


def gaps(replay: "Replay") -> Iterator[str]:
    """What was asked for that the archive does not hold, in words."""
    if replay.torn:
        yield "the file is torn: its end could not be read"
    if replay.missed:
        yield f"{replay.missed:,} requests were for what is not in the archive, and got a 404"
    if replay.unknown_hosts:
        some = ", ".join(replay.unknown_hosts[:3]) + ", …" * (len(replay.unknown_hosts) > 3)
        yield f"{len(replay.unknown_hosts):,} hosts are not in the archive: {some}"
