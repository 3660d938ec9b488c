"""Reads what the last session of a run wrote about itself."""

from pathlib import Path

import msgspec

from crawler.metrics.progress import RunProgress, decode
from crawler.model.errors import StateError
from crawler.model.files import read_file
from crawler.runs.layout import PROGRESS


def progress_of(directory: Path) -> RunProgress | None:
    """Read what the last session of a run wrote about itself; None if it is missing or damaged.

    It is only a view: a power failure may damage it, and nothing of the run depends on it.
    """
    try:
        return decode(read_file(directory / PROGRESS))
    except (OSError, StateError, msgspec.MsgspecError):
        return None
