"""The file of a cache: values by key, which several threads, processes and crawls share.

It is a database of SQLite. What it loses is only missing, so nothing waits for the disk.
"""

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from weakref import finalize

from crawler.model.errors import StateError
from crawler.model.files import check_file, open_own_folder

NAME = "crawler-results.db"
WAIT_S = 0.2
"""Seconds for which a writer waits for another one; then it writes nothing."""
OPEN_WAIT_S = 5.0
"""Seconds for which opening waits for another process, which may repair what a kill has left."""
_APPLICATION = 0x43524341
"""``CRCA``, in the header of the file (PRAGMA application_id)."""
# Ids ascend, so the lowest one is that of the oldest entry.
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS results (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    value BLOB NOT NULL
);
PRAGMA application_id = {_APPLICATION};
COMMIT;
"""
# In a damaged file a value may have any type.
_GET = "SELECT CAST(value AS BLOB) FROM results WHERE key = ?"
_PUT = "INSERT OR REPLACE INTO results (key, value) VALUES (?, ?)"
_REMOVE = "DELETE FROM results WHERE key = ?"
_EVICT = "DELETE FROM results WHERE id IN (SELECT id FROM results ORDER BY id LIMIT ?)"
_PROBE = b"probe"
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

Pairs = Sequence[tuple[bytes, bytes]]
"""Keys with their values."""


class CacheFile:
    """The file in ``folder``, which is created if it is missing; only its owner may read it.

    Raises OSError; StateError for what is not such a folder or file; ``sqlite3.Error`` here and in
    all methods.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        lock = open_own_folder(folder)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)  # see discard
            self._connection = _connect(folder / NAME)
        except BaseException:
            os.close(lock)
            raise
        # No executor has an end at which each of its threads could close what it opened.
        self.close = finalize(self, _close, self._connection, lock)

    def get(self, key: bytes) -> bytes | None:
        found = self._connection.execute(_GET, (key,)).fetchone()
        return None if found is None else found[0]

    def put(self, pairs: Pairs) -> None:
        """Add ``pairs`` in one transaction; if the file is larger than it may be, the oldest
        entries leave it.

        At most about twice as many bytes leave as come: if the maximum was lowered, the file gets
        there in small steps, because a page has little time.
        """
        with self._connection as connection:  # commits, or rolls back
            connection.execute("BEGIN IMMEDIATE")
            coming = sum([len(value) for _, value in pairs])
            most = max(self._most_bytes, self._used() - coming)
            connection.executemany(_PUT, pairs)
            left = 1
            while left and self._used() > most:
                left = connection.execute(_EVICT, (2 * len(pairs),)).rowcount

    def remove(self, key: bytes) -> None:
        self._connection.execute(_REMOVE, (key,))

    def _used(self) -> int:
        """Bytes of the file that have content; the rest of it is used again first."""
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


def open_cache(folder: Path, most_bytes: int) -> CacheFile:
    """Open the file for writing; a damaged one is replaced if no one else has it open.

    Raises StateError.
    """
    try:
        try:
            return _tried(folder, most_bytes)
        except sqlite3.Error as error:
            if not (is_damage(error) and discard(folder)):
                raise
            return _tried(folder, most_bytes)
    except OSError as error:
        raise StateError(f"{folder}: {error.strerror or error}") from None
    except sqlite3.Error as error:
        raise StateError(f"{folder / NAME}: {error}") from None


def _tried(folder: Path, most_bytes: int) -> CacheFile:
    """Open the file, and find out whether it can be written."""
    file = CacheFile(folder, most_bytes)
    try:
        file.put([(_PROBE, b"")])
        file.remove(_PROBE)
    except sqlite3.Error as error:
        if not is_busy(error):
            file.close()
            raise
    return file


def discard(folder: Path) -> bool:
    """Delete the file, unless it is open here or elsewhere; whether it is deleted.

    Raises the errors of ``open_own_folder``.
    """
    lock = open_own_folder(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        for path in _paths(folder / NAME):
            path.unlink(missing_ok=True)
        return True
    finally:
        os.close(lock)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the content of the file is not what SQLite wrote."""
    return _code(error) in _DAMAGED


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another writer took longer than ``WAIT_S``."""
    return _code(error) in _BUSY


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says more than we need


def _connect(path: Path) -> sqlite3.Connection:
    for each in _paths(path):
        check_file(each)
    # An existing file is not opened: to close it would release the locks that SQLite has on it in
    # other threads (https://sqlite.org/howtocorrupt.html, 2.2).
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # It is used by one thread, and closed by any.
    connection = sqlite3.connect(
        path, timeout=OPEN_WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = OFF")
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not application and not tables:
        connection.executescript(_SCHEMA)
    elif application != _APPLICATION:
        raise StateError(f"{path}: is a database of another program")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if not is_busy(error):  # another process does it just now
            raise
    connection.execute(f"PRAGMA busy_timeout = {WAIT_S * 1000:.0f}")


def _paths(path: Path) -> list[Path]:
    """The files that SQLite may have for the database ``path``."""
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal")]


def _close(connection: sqlite3.Connection, lock: int) -> None:
    try:
        connection.close()
    finally:
        os.close(lock)
