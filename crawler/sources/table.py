"""Tables of URLs with a header row: CSV (RFC 4180), and TSV with tabs."""

import csv
from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from typing import Self

import msgspec

from crawler.model.errors import UsageError
from crawler.sources.input_line import InputLine, parse, shown
from crawler.sources.lines import text_lines

DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""By file suffix in lower case."""
LONGEST_ROW = 1 << 20
"""Characters in a row; the csv module limits a cell to 131,072."""
_COLUMNS_SHOWN = 20


class Table:
    """The rows of a file as input lines, with the other cells of each row.

    Messages use ``name`` for the file. The URLs are in ``column``, whose name is compared without
    regard to case. Only completely blank rows are left out. Raises UsageError if there is no such
    column.
    """

    def __init__(self, file: BufferedIOBase, name: str, delimiter: str, column: str) -> None:
        self._name = name
        self._rows = _Rows(file, delimiter)
        header = next(iter(self._rows), [])
        if isinstance(header, csv.Error):
            raise UsageError(f"{name}: the header row cannot be read: {header}")
        self._columns = _names(header)
        found = [at for at, known in enumerate(header) if _same(known, column)]
        if len(found) != 1:
            raise UsageError(f"{name}: {_no_column(column, header, len(found))}")
        self._at = found[0]

    def __iter__(self) -> Iterator[InputLine]:
        for cells in self._rows:
            line = self._rows.began
            if isinstance(cells, csv.Error):
                yield InputLine(f"{self._name}:{line}", wrong=f"line {line}: {cells}", line=line)
                continue
            row = dict(zip(self._columns, cells, strict=False))
            text = row.pop(self._columns[self._at], "").strip()
            yield msgspec.structs.replace(self._judge(text, cells, line), line=line, row=row)

    def _judge(self, text: str, cells: Sequence[str], line: int) -> InputLine:
        if not text:
            # Each such row is a separate entry, so it needs a unique name.
            return InputLine(f"{self._name}:{line}", wrong=f"line {line}: no URL")
        if any(map(str.strip, cells[len(self._columns) :])):
            # A comma without quotes: the URL may have been cut there.
            wrong = f"line {line}: {len(cells)} cells for {len(self._columns)} columns"
            return InputLine(shown(text), wrong=wrong)
        return parse(text)


class _Rows:
    """Rows that are not blank; for a malformed row, the error of the csv module.

    ``began`` is the line of the file in which the last row began, from 1.
    """

    def __init__(self, file: BufferedIOBase, delimiter: str) -> None:
        self.began = 1
        self._lines = _TableLines(file)
        self._reader = csv.reader(self._lines, delimiter=delimiter)

    def __iter__(self) -> Iterator[list[str] | csv.Error]:
        while True:
            self.began = self._lines.begin_row()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield error
                continue
            if any(map(str.strip, cells)):
                yield cells


class _TableLines:
    """Counts lines; raises an error if a row is too long, as after a quote without its end.

    Not a generator, because a generator ends with its first error.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        self._lines = text_lines(file)
        self._number = 1
        self._size = 0

    def begin_row(self) -> int:
        self._size = 0
        return self._number

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number += line.endswith("\n")
        self._size += len(line)
        if self._size > LONGEST_ROW:
            raise csv.Error(f"row of more than {LONGEST_ROW:,} characters")
        return line


def _names(header: Sequence[str]) -> list[str]:
    """One name per column; columns without a name of their own are numbered."""
    names: list[str] = []
    for number, cell in enumerate(header, 1):
        name = cell.strip()
        names.append(f"column {number}" if not name or name in names else name)
    return names


def _same(known: str, column: str) -> bool:
    return known.strip().casefold() == column.strip().casefold()


def _no_column(column: str, header: Sequence[str], found: int) -> str:
    if found:
        return f"{found} columns are named {column!r}"
    if not header:
        return f"is empty; it needs a header row with a column {column!r}"
    names = ", ".join(cell.strip() for cell in header[:_COLUMNS_SHOWN])
    return f"has no column {column!r}; it has: {names} (choose one with --column)"
