"""Encodes records for the writer: two lines each, with the row of its table and with its links.

A line is a JSON array and a comma. Links are apart because SQLite would copy them for each column.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec

from crawler.model.pages import Failure, Page, Skipped
from crawler.sinks.columns import Column, ColumnType, columns_of, page_columns
from crawler.sinks.sqlite.schema import FAILURE, PAGE, SKIP, plain


class RecordArrayEncoder:
    """Encodes pages, failures and skips."""

    def __init__(self, *, html: bool) -> None:
        self._rows = {
            Page: _RowMaker(PAGE, plain(page_columns(html))),
            Failure: _RowMaker(FAILURE, columns_of(Failure)),
            Skipped: _RowMaker(SKIP, columns_of(Skipped)),
        }

    def encode(self, record: Page | Failure | Skipped) -> bytes:
        values = self._rows[type(record)].values(record)
        row = msgspec.json.encode(values)
        if b"\\u0000" in row:
            row = msgspec.json.encode([_without_nul(each) for each in values])
        links = record.links if isinstance(record, Page) else ()
        return b"%b,\n%b,\n" % (row, msgspec.json.encode(links))


class _RowMaker:
    """How a record becomes values: JSON as text, None where there is nothing."""

    def __init__(self, table: int, columns: Sequence[Column]) -> None:
        self._table = table
        self._values = attrgetter(*(each.name for each in columns))
        self._json = [at for at, each in enumerate(columns, 1) if each.type is ColumnType.JSON]

    def values(self, record: Page | Failure | Skipped) -> list[Any]:
        found = [self._table, *self._values(record)]
        for at in self._json:
            value = found[at]
            is_nothing = value is None or value is msgspec.UNSET
            found[at] = None if is_nothing else msgspec.json.encode(value).decode()
        return [None if each is msgspec.UNSET else each for each in found]


def _without_nul(value: Any) -> Any:
    """Put U+FFFD for NUL, as HTML does: SQLite's functions for JSON end a text at a NUL."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
