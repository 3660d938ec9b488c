"""The files of a run, the names of its outputs, and whether there is a run in a directory."""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from crawler.model.errors import UsageError
from crawler.settings import Settings, resumed

STATE = "state.db"
SETTINGS = "settings.toml"
LOCK = "lock"
PAGES = "pages.jsonl"
FAILURES = "failures.jsonl"
SKIPPED = "skipped.jsonl"
RECORD = "--record"
"""The name of the archive among the outputs of a run."""


def is_run(directory: Path) -> bool:
    """Whether a run began there, even if some of its files are damaged or missing."""
    return (directory / STATE).exists() or (directory / SETTINGS).exists()


def resumed_settings(directory: Path | None, flags: Mapping[str, object]) -> Settings:
    """The settings of the run in ``directory``, with ``flags`` (by field name) of this session.

    Raises UsageError where there is no run, for a flag that would change the result of the run, and
    for a secret that is needed again.
    """
    if directory is None or not is_run(directory):
        raise UsageError(f"--resume: there is no run in {directory or '(no --run given)'}")
    return resumed(directory / SETTINGS, flags)


def page_outputs(settings: Settings) -> dict[str, str | None]:
    """The page outputs by name, with the place that ``--out`` gives; None is the run directory."""
    return {f"--out {place}": place for place in settings.out} or {PAGES: None}


def output_names(settings: Settings) -> tuple[str, ...]:
    """The names of all outputs, in the order in which version 1 of the state numbered them."""
    archive = (RECORD,) if settings.record else ()
    return (*page_outputs(settings), FAILURES, SKIPPED, *archive)


def is_locked(directory: Path) -> bool:
    """Whether a process crawls it now."""
    try:
        file = os.open(directory / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
