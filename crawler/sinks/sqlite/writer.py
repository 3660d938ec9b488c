"""The output for ``.db`` and ``.sqlite``, which can be read while the crawl writes it."""

import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from crawler.model.errors import StateError, writing
from crawler.model.files import check_file, open_file, sync
from crawler.sinks.base import Sink, SinkTarget
from crawler.sinks.sqlite.encoder import RecordArrayEncoder
from crawler.sinks.sqlite.schema import APPLICATION_ID, BESIDE, Tables

_LENGTH = "UPDATE output SET records = ?"
_INSERT_BYTES = 1 << 19
"""Records of so many bytes are inserted together: each statement costs as much as some pages."""
_PAGE_BYTES = 16_384
"""The usual page of a database, 4,096 bytes, costs a tenth more, as rows have links and texts."""
_WAIT = 30.0
"""Seconds to wait for another program that has locked the database."""


def sqlite_sink(target: SinkTarget) -> Sink:
    """The output for ``.db``. Raises StateError if the file cannot be opened."""
    encode = RecordArrayEncoder(html=target.html)
    writer = SqliteWriter(target.path, html=target.html, resumed=target.resumed)
    return Sink(target.name, encode, writer, encode.encode, encode.encode)


class SqliteWriter:
    """Inserts records; the offset of a commit is the number of records in all tables.

    A commit of ours is one of SQLite. After a kill, SQLite drops what was not committed.
    """

    can_cut = True

    def __init__(self, path: Path, *, html: bool = False, resumed: bool = False) -> None:
        """``path`` must not exist, unless it is ``resumed``: then call ``cut`` first."""
        self._path = path
        self._tables = Tables(html=html)
        self._records = 0
        self._waiting = bytearray()
        _make_file(path, resumed=resumed)
        with self._errors():
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=_WAIT
            )
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        with self._errors():
            mark = self._connection.execute("PRAGMA application_id").fetchone()[0]
            is_empty = self._connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
            if mark != APPLICATION_ID and not is_empty:
                raise StateError(f"{self._path}: is a database, but no output of a crawl")
            self._connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            if is_empty:
                with self._transaction():
                    for statement in self._tables.schema():
                        self._connection.execute(statement)
                sync(self._path.parent)

    def append(self, chunk: bytes) -> None:
        self._waiting += chunk
        if len(self._waiting) >= _INSERT_BYTES:
            with self._errors():
                self._insert()

    def commit(self) -> int:
        with self._errors(), self._transaction():
            self._insert()
            self._connection.execute(_LENGTH, (self._records,))
        return self._records

    def _insert(self) -> None:
        """Insert the records that wait."""
        lines = bytes(self._waiting).split(b"\n")
        self._waiting.clear()
        rows = _array(lines[:-1:2])
        values = {"last": self._records, "rows": rows, "links": _array(lines[1::2])}
        self._begin()
        for table, (insert, *others) in self._tables.inserts.items():
            # What only looks like a row of the table costs time, but is not inserted.
            if f"[{table}," in rows:
                self._records += self._connection.execute(insert, values).rowcount
                for statement in others:
                    self._connection.execute(statement, values)

    def cut(self, offset: int) -> None:
        """``offset`` is a number of records."""
        self._waiting.clear()
        with self._errors():
            found = self._connection.execute("SELECT records FROM output").fetchone()[0]
            if offset > found:
                raise StateError(
                    f"{self._path}: has {found} records, but {offset} were written; the file was "
                    "changed, so the run cannot be resumed"
                )
            with self._transaction():
                for statement in self._tables.cuts():
                    self._connection.execute(statement, {"last": offset})
                self._connection.execute(_LENGTH, (offset,))
        self._records = offset

    def forget(self, ends: Collection[str]) -> None:
        """Remove the failures and skips with one of these kinds and reasons."""
        values = {"ends": msgspec.json.encode(sorted(ends)).decode()}
        with self._errors(), self._transaction():
            for statement in self._tables.forgets():
                self._connection.execute(statement, values)

    def close(self) -> None:
        # Only one file stays, which can be read from anywhere, unless somebody reads it now or the
        # disk is full: then all that was committed is in the log beside it.
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit at the end; after an error nothing of it happened."""
        self._begin()
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of SQLite and of the system into a StateError that names the file."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            why = getattr(error, "strerror", None) or error
            raise StateError(f"{self._path}: {why}") from None


def _make_file(path: Path, *, resumed: bool) -> None:
    """Create the file, or check the one that is there. Raises StateError."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for each in (path.with_name(path.name + ending) for ending in BESIDE):
            check_file(each)
            if not resumed and os.path.lexists(each):
                raise StateError(f"{each}: exists, but its database does not; remove it")
        os.close(open_file(path, os.O_RDWR | os.O_CREAT | (0 if resumed else os.O_EXCL)))


def _array(lines: Sequence[bytes]) -> str:
    """Return a JSON array of values that are each followed by a comma."""
    return f"[{b''.join(lines).decode().removesuffix(',')}]"
