"""CSV (RFC 4180, UTF-8): a row per page, or per record in it; columns are fixed at the start.

A spreadsheet runs a cell that begins like a formula, and the text of a page is a stranger's. So
such a cell gets an apostrophe in front, unless it is a number; and so does a cell that has
apostrophes in front of such a beginning. Who removes one apostrophe there has the text again.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from crawler.model.errors import StateError, writing
from crawler.model.files import open_file
from crawler.model.pages import Page
from crawler.sinks.base import Sink, SinkTarget
from crawler.sinks.columns import FIELDS, page_columns
from crawler.sinks.file import FileWriter

RECORD = "record"
"""The column for the number of a record in its page."""
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
"""How a formula begins, also in East Asian versions of spreadsheets; white space is skipped."""
_SPECIAL = re.compile('[",\r\n]')
_NUMBER = re.compile(r"[+-]?\d[\d.,]*([eE][+-]?\d+)?")
_BEGINNINGS = frozenset("'=+-@\t\r\n＝＋－＠")


def csv_sink(target: SinkTarget) -> Sink:
    """The output for ``.csv``. Raises StateError if the file cannot be opened."""
    encoder = CsvEncoder(target.fields, html=target.html, several=target.several)
    writer = CsvWriter(target.path, encoder.header(), resumed=target.resumed)
    return Sink(target.name, encoder, writer)


class CsvEncoder:
    """Encodes pages as rows."""

    def __init__(
        self, fields: tuple[str, ...] | None, *, html: bool, several: bool = False
    ) -> None:
        """Each of ``fields`` has a column; without them all are JSON in one column.

        If a page may have ``several`` records, each has a row, and a column its number, from 1.
        """
        self._names = tuple(each.name for each in page_columns(html))
        self._values = attrgetter(*self._names)
        self._at = self._names.index(FIELDS)
        self._fields = fields
        self._several = several

    def header(self) -> bytes:
        """The first row: the names of the columns, each of them once."""
        names = [RECORD, *self._names] if self._several else self._names
        fields = [FIELDS] if self._fields is None else _apart(self._fields, names)
        return _row(self._placed(self._names, RECORD, fields))

    def encode(self, page: Page) -> bytes:
        found, values = page.fields, self._values(page)
        if not found or isinstance(found, dict):
            # A page without records has a row, too: it is not lost.
            return self._encoded(values, None, None if isinstance(found, list) else found)
        return b"".join([self._encoded(values, *each) for each in enumerate(found, 1)])

    def _encoded(
        self, values: Sequence[Any], number: int | None, found: Mapping[str, Any] | None
    ) -> bytes:
        fields = [found] if self._fields is None else map((found or {}).get, self._fields)
        return _row(map(_cell, self._placed(values, number, fields)))

    def _placed(self, cells: Sequence[Any], record: object, fields: Iterable[Any]) -> Sequence[Any]:
        """Put ``fields`` in place of their one cell, and ``record``, if wanted, after the URL."""
        number = [record] if self._several else []
        return (cells[0], *number, *cells[1 : self._at], *fields, *cells[self._at + 1 :])


class CsvWriter:
    """Appends rows to ``path``; the file begins with the row ``header``."""

    can_cut = True

    def __init__(self, path: Path, header: bytes, *, resumed: bool = False) -> None:
        """``path`` must not exist, unless it is ``resumed``: then call ``cut`` first."""
        self._path = path
        self._header = header
        self._file = FileWriter(path, resumed=resumed)

    def append(self, chunk: bytes) -> None:
        if not self._file.length:
            self._file.append(self._header)
        self._file.append(chunk)

    def commit(self) -> int:
        if not self._file.length:
            self._file.append(self._header)
        return self._file.commit()

    def cut(self, offset: int) -> None:
        if offset:
            self._check_header()
        self._file.cut(offset)

    def _check_header(self) -> None:
        with writing(self._path), os.fdopen(open_file(self._path, os.O_RDONLY), "rb") as file:
            found = file.read(len(self._header))
        if found != self._header:
            raise StateError(
                f"{self._path}: has other columns than this run, so the run cannot be resumed"
            )

    def close(self) -> None:
        self._file.close()


def _apart(names: Iterable[str], taken: Iterable[str]) -> Iterator[str]:
    """Yield ``names``; one that is ``taken`` gets ``fields.`` in front."""
    used = set(taken)
    for each in names:
        name = each
        while name in used:
            name = f"{FIELDS}.{name}"
        used.add(name)
        yield name


def _row(cells: Iterable[str]) -> bytes:
    """A row with its end. The module csv takes four times as long: it looks at each character."""
    return (",".join(map(_quoted, cells)) + "\r\n").encode()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _SPECIAL.search(cell) else cell


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value if value[:1] not in _BEGINNINGS else guarded(value)
    if value is None or value is msgspec.UNSET:
        return ""
    return msgspec.json.encode(value).decode()


def guarded(text: str) -> str:
    """Return ``text`` so that no spreadsheet runs it."""
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text
