"""Tables of URLs: CSV (RFC 4180) and its sister with tabs, a header row on top."""

import csv
from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from typing import Self

import msgspec

from crawler.model.errors import UsageError
from crawler.sources.input_line import InputLine, parse, shown
from crawler.sources.lines import text_lines

DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""By the suffix of the file, in lower case."""
LONGEST_ROW = 1 << 20
"""Characters of a row; what one cell may have is bounded by csv (131,072)."""
_COLUMNS_SHOWN = 20


class Table:
    """The rows of a file as wanted URLs; what stands beside them travels along.

    ``name`` is what messages call the file; URLs stand in ``column``, in any case. Only rows that
    are blank as a whole are left out. Raises UsageError where there is no such column.
    """

    def __init__(self, file: BufferedIOBase, name: str, delimiter: str, column: str) -> None:
        self._name = name
        self._rows = _Rows(file, delimiter)
        header = next(iter(self._rows), [])
        if isinstance(header, csv.Error):
            raise UsageError(f"{name}: no header row can be read: {header}")
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
            # Each such row is an entry of its own, so it needs a name of its own.
            return InputLine(f"{self._name}:{line}", wrong=f"line {line}: no URL")
        if any(map(str.strip, cells[len(self._columns) :])):
            # A comma that nobody quoted: the URL may have been cut there.
            wrong = f"line {line}: {len(cells)} cells under {len(self._columns)} columns"
            return InputLine(shown(text), wrong=wrong)
        return parse(text)


class _Rows:
    """Rows that are not blank; what csv says against one comes in its place.

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
    """Lines, counted; an error where a row has too many of them, as after a quote left open.

    No generator, since that would end with its first error.
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
    """One name for each column; those that have none of their own are numbered."""
    names: list[str] = []
    for number, cell in enumerate(header, 1):
        name = cell.strip()
        names.append(f"column {number}" if not name or name in names else name)
    return names


def _same(known: str, column: str) -> bool:
    return known.strip().casefold() == column.strip().casefold()


def _no_column(column: str, header: Sequence[str], found: int) -> str:
    if found:
        return f"{found} columns are called {column!r}"
    if not header:
        return f"is empty; a header row with a column {column!r} is needed"
    names = ", ".join(cell.strip() for cell in header[:_COLUMNS_SHOWN])
    return f"has no column {column!r}; there are: {names} (choose one with --column)"
