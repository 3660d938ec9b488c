"""The rows of a table, and which lines of its file each of them has (CSV: RFC 4180).

A quote without its end must not swallow the rows after it. The csv module would read on, to the end
of the file if there is no other quote. Here such a row is only its first line, and the lines after
it are read again as rows of their own.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from io import BufferedIOBase
from itertools import islice
from typing import Literal, NamedTuple, Self

from crawler.sources.lines import LONGEST_LINE, text_lines

LONGEST_ROW = 1 << 20
"""Characters in a row; the csv module limits a cell to 131,072."""
_MOST_READ_AGAIN = 1 << 26
"""Characters in all rows that are read again, so that a hostile file takes linear time."""
_MOST_SWALLOWED = 20
"""Lines in which a row that was swallowed is recognised."""
_LONG = f"row of more than {LONGEST_ROW:,} characters"
_OPEN_QUOTE = 'a quote without its end: write "" for a quote inside a quoted cell'
_HUGE_CELL = f"cell of more than {csv.field_size_limit():,} characters, or {_OPEN_QUOTE}"

IsEntry = Callable[[Sequence[str]], bool]
"""Whether these cells, from one line, are a whole row with a URL."""


class TableRow(NamedTuple):
    """Its ``cells``, or what is ``wrong`` with it. ``line`` is where it begins, from 1."""

    line: int
    cells: Sequence[str] = ()
    wrong: str | None = None


class TableRows:
    """The rows of ``file`` that are not blank. Raises UsageError if it is not a text."""

    def __init__(self, file: BufferedIOBase, name: str) -> None:
        self.lines = TableLines(file, name)
        self._read_again = 0

    def read(self, delimiter: str, url_at: int, is_entry: IsEntry) -> Iterator[TableRow]:
        """Yield the rows from here on; the URLs are in the cells ``url_at``.

        A row that has swallowed a line which ``is_entry`` is one whose quote has no end.
        """
        reader = csv.reader(self.lines, delimiter=delimiter, strict=True)
        while True:
            line = self.lines.begin_row()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._wrong(line, str(error), delimiter, url_at)
                continue
            if len(self.lines.row) > 1 and _swallows(
                self.lines.row, cells, delimiter, url_at, is_entry
            ):
                yield self._wrong(line, "", delimiter, url_at)
            elif any(map(str.strip, cells)):
                yield TableRow(line, cells)

    def _wrong(self, line: int, error: str, delimiter: str, url_at: int) -> TableRow:
        lines = self.lines.row
        if len(lines) == 1 and (cells := _unclear_quotes(lines[0], delimiter, url_at)):
            return TableRow(line, cells)
        self._read_again += sum(map(len, lines[1:]))
        if self._read_again <= _MOST_READ_AGAIN:
            self.lines.back_to(1)
        elif len(lines) > 1:
            return TableRow(line, wrong=f"to line {line + len(lines) - 1}: {_sentence(error)}")
        return TableRow(line, wrong=_sentence(error))


class TableLines:
    """The lines of a table, with their ends. Not a generator, which would end with its first error.

    ``row`` has the lines of the row that is being read.
    """

    def __init__(self, file: BufferedIOBase, name: str) -> None:
        self._lines = text_lines(file, name)
        self._again: deque[str] = deque()
        self._number = 1
        self._size = 0
        self.row: list[str] = []

    def begin_row(self) -> int:
        """Return the number of the next line, from 1."""
        self._size = 0
        self.row = []
        return self._number

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._number += 1
        self._size += len(line)
        self.row.append(line)
        if self._size > LONGEST_ROW or len(line) > LONGEST_LINE:
            raise csv.Error(_LONG)
        return line

    def back_to(self, at: int) -> None:
        """The lines of the row from ``at`` on are read again."""
        self._again.extendleft(reversed(self.row[at:]))
        self._number -= len(self.row) - at
        del self.row[at:]

    def ahead(self, most: int) -> Iterator[str]:
        """Yield at most so many of the next lines, which are read again afterwards."""
        self.begin_row()
        try:
            yield from islice(self, most)
        except csv.Error:  # a huge line, which is an error again when it is read
            pass
        finally:
            self.back_to(0)


def _swallows(
    lines: Sequence[str], cells: Sequence[str], delimiter: str, url_at: int, is_entry: IsEntry
) -> bool:
    """Whether a row by itself begins in one of the ``lines`` of a row: then a quote has no end.

    The URL of a good row is in its first line, before the cell with a line break, or in its last
    one, after that cell.
    """
    broken = [at for at, cell in enumerate(cells) if "\n" in cell or "\r" in cell] or [url_at]
    good = is_entry(cells)
    first = 1 if good and url_at < broken[0] else 0
    last = len(lines) - 1 if good and url_at > broken[-1] else len(lines)
    return any(
        is_entry(_raw_cells(lines[at], delimiter))
        or (at > 0 and is_entry(_quoted_cells(lines[at : at + _MOST_SWALLOWED], delimiter)))
        for at in range(first, last)
    )


def _unclear_quotes(line: str, delimiter: str, url_at: int) -> list[str] | None:
    """The cells of a line with quotes that RFC 4180 does not know, if its URL has none of them."""
    cells = _quoted_cells([line], delimiter)
    if len(cells) > max(url_at, 0) and cells[url_at] in _raw_cells(line, delimiter):
        return cells
    return None


def _raw_cells(line: str, delimiter: str) -> list[str]:
    """The cells of ``line`` if quotes meant nothing."""
    return _cells([line], delimiter, csv.QUOTE_NONE)


def _quoted_cells(lines: Sequence[str], delimiter: str) -> list[str]:
    """The cells of the row that begins with ``lines``; none if it does not end there."""
    cells = _cells(lines, delimiter, csv.QUOTE_MINIMAL)
    return [] if cells and cells[-1].endswith(("\n", "\r")) else cells


def _cells(lines: Sequence[str], delimiter: str, quoting: Literal[0, 3]) -> list[str]:
    """The cells of the row that begins with ``lines``; none if one is too long."""
    try:
        return next(csv.reader(lines, delimiter=delimiter, quoting=quoting))
    except csv.Error:
        return []


def _sentence(error: str) -> str:
    """What a message of the csv module means."""
    if error == _LONG:
        return error
    return _HUGE_CELL if "field larger" in error else _OPEN_QUOTE
