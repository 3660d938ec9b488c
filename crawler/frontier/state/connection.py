"""Opens the state file, and turns the errors of SQLite into those of a crawl."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from crawler.model.errors import StateError, StateHeldError
from crawler.model.files import check_file

WAIT_S = 10.0
"""Seconds that the file is waited for if another process uses it."""


def connect(
    path: Path,
    *,
    read_only: bool = False,
    exclusive: bool = False,
    wait: float = WAIT_S,
    quiet: bool = False,
) -> sqlite3.Connection:
    """Open the state file; ``wait`` is how long other processes are waited for, in seconds.

    With ``quiet`` no process uses it, and it has no log: nothing is locked or created for reading.
    Raises StateError and sqlite3.Error.
    """
    for each in ("", "-wal", "-shm", "-journal"):
        check_file(path.with_name(path.name + each))
    if not path.exists():
        raise StateError(f"{path}: no such file, so there is no run to resume")
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    uri += "&immutable=1" if quiet else ""
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=wait
    )
    try:
        if exclusive:  # before the first access: then SQLite keeps its index of the log to itself
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        # A power failure may undo the last commits. The file stays consistent, and so does the
        # run, because a resume truncates the outputs to the lengths in the state.
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def state_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite, the system and decoding into a StateError that names ``path``.

    It is a StateHeldError if another process has locked the file.
    """
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError, OSError) as error:
        is_held = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        kind = StateHeldError if is_held else StateError
        raise kind(f"{path}: {getattr(error, 'strerror', None) or error}") from None
