"""The file names of a run, the names of its outputs, and whether a directory contains a run."""

import fcntl
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from crawler.model.errors import UsageError
from crawler.settings import Settings, resumed
from crawler.settings.objects import SINK
from crawler.settings.types import OutputChoice

STATE = "state.db"
SETTINGS = "settings.toml"
LOCK = "lock"
PAGES = "pages.jsonl"
FAILURES = "failures.jsonl"
SKIPPED = "skipped.jsonl"
PROGRESS = "progress.json"
SHARDS = "shards"
"""The folder with a run for each shard; a crawl on several machines has one."""
LINKS = "links.log"
"""The output of a shard with what other shards have to fetch."""
INBOX = "inbox.log"
"""What a shard has received."""
INPUT_LOG = "input.log"
"""The input, by shard."""
ORIGINS = "origins.jsonl"
"""The origins of the input, and their logins."""
EPOCH = "epoch"
SLICES = "slices"
"""The folder of a shard with a record of each slice."""
NO_ENVIRONMENT: Mapping[str, str] = MappingProxyType({})
_PART = ".part"
RECORD = "--record"
"""The output name of the archive."""


def is_run(directory: Path) -> bool:
    """Whether ``directory`` contains a run, even if some files are damaged or missing."""
    return (directory / STATE).exists() or (directory / SETTINGS).exists()


def resumed_settings(
    directory: Path | None,
    flags: Mapping[str, object],
    environ: Mapping[str, str] = NO_ENVIRONMENT,
) -> Settings:
    """Return the settings of the run in ``directory``, with this session's ``flags`` (by field).

    Secrets can also come from the file that ``environ`` names. Raises UsageError if there is no
    run, if a flag would change the result of the run, and if a secret must be given again.
    """
    if directory is None:
        raise UsageError("--resume: name the run directory with --run")
    if not is_run(directory):
        raise UsageError(f"--resume: there is no run in {directory}")
    return resumed(directory / SETTINGS, flags, environ)


def check_is_whole(directory: Path | None) -> None:
    """Raise UsageError if ``directory`` contains only one shard of a run: a resume needs them all.

    Its driver would take its letters for lost, or ask for the input again.
    """
    if directory is None:
        return
    folder = directory.absolute().parent
    if folder.name == SHARDS and is_run(folder.parent):
        raise UsageError(
            f"--resume: {directory} is a shard of the run in {folder.parent}; resume that one"
        )


def is_sharded(directory: Path) -> bool:
    """Whether the run in ``directory`` consists of shards."""
    return (directory / SHARDS).is_dir()


def shard_directory(directory: Path, number: int) -> Path:
    """Where shard ``number`` of the run in ``directory`` is."""
    return directory / SHARDS / f"{number:04d}"


def page_outputs(settings: Settings) -> dict[str, OutputChoice | None]:
    """Return the page outputs: name → value of ``--out``, or None for the run directory."""
    return {f"--out {SINK.shown(each)}": each for each in settings.out} or {PAGES: None}


def output_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of all outputs, in the order of their numbers in version 1 of the state."""
    archive = (RECORD,) if settings.record else ()
    return (*page_outputs(settings), FAILURES, SKIPPED, *archive)


def input_copy(directory: Path, number: int, source: str) -> Path:
    """Return where the copy of ``source`` is, which can be read only once: the whole of it."""
    return directory / ("stdin" if source == "-" else f"pipe-{number}")


def input_part(copy: Path) -> Path:
    """Return where ``copy`` is made, as long as its source has not ended."""
    return copy.with_name(f"{copy.name}{_PART}")


def is_input_cut(directory: Path, sources: Iterable[str]) -> bool:
    """Whether one of ``sources`` that can be read only once had not ended when it was read last."""
    copies = [input_copy(directory, *each) for each in enumerate(sources, start=1)]
    return any(input_part(each).exists() for each in copies)


def is_locked(directory: Path) -> bool:
    """Whether a process is crawling the run in ``directory``."""
    try:
        file = os.open(directory / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
