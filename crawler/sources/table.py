"""Tables of URLs with a header row: CSV (RFC 4180) with any delimiter, and TSV with tabs."""

import re
from collections.abc import Iterator, Sequence
from io import BufferedIOBase

import msgspec

from crawler.model.errors import UsageError
from crawler.model.urls import UrlError, parse_input
from crawler.sources.input_line import InputLine, Refusals, shown
from crawler.sources.plain_urls import is_plain
from crawler.sources.table_format import found_delimiter, is_same, named_separator
from crawler.sources.table_rows import TableRow, TableRows
from crawler.sources.url_text import one_url, trimmed

DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""The usual ones by file suffix in lower case."""
_COLUMNS_SHOWN = 20
_NOT_TEXT = re.compile("[\ud800-\udfff]")


class Table:
    """The rows of a file as input lines, with the other cells of each row.

    Messages use ``name`` for the file. The URLs are in ``column``, whose name is compared without
    regard to case. Without a ``delimiter`` it is found; ``usual`` is taken in doubt. Only
    completely blank rows are left out. Raises UsageError if there is no such column.
    """

    def __init__(
        self,
        file: BufferedIOBase,
        name: str,
        delimiter: str | None,
        column: str,
        usual: str = ",",
        refusals: Refusals | None = None,
    ) -> None:
        self._name = name
        self._refusals = refusals or Refusals()
        self._rows = TableRows(file, name)
        named = named_separator(self._rows.lines)
        self._delimiter = delimiter or named or found_delimiter(self._rows.lines, column, usual)
        header = self._header()
        self._columns = _names(header)
        found = [at for at, known in enumerate(header) if is_same(known, column)]
        if len(found) != 1:
            raise UsageError(f"{name}: {_no_column(column, header, len(found))}")
        self._at = found[0]

    def _header(self) -> Sequence[str]:
        row = next(self._rows.read(self._delimiter, -1, lambda _: False), TableRow(0))
        if row.wrong is not None:
            raise UsageError(f"{self._name}: the header row cannot be read: {row.wrong}")
        return [_readable(cell) for cell in row.cells]

    def __iter__(self) -> Iterator[InputLine]:
        for row in self._rows.read(self._delimiter, self._at, self._is_entry):
            if row.wrong is None:
                yield self._judge(row.cells, row.line)
            else:
                yield self._unnamed(row.wrong, row.line)

    def _is_entry(self, cells: Sequence[str]) -> bool:
        if len(cells) != len(self._columns):
            return False
        try:
            parse_input(one_url(trimmed(cells[self._at])))
        except UrlError:
            return False
        return True

    def _judge(self, cells: Sequence[str], number: int) -> InputLine:
        row = dict(zip(self._columns, cells, strict=False))
        line = self._line(row.pop(self._columns[self._at], ""), cells, number)
        if not (rest := "".join(row.values())).isascii() and _NOT_TEXT.search(rest):
            row = {column: _readable(cell) for column, cell in row.items()}
        return msgspec.structs.replace(line, line=number, row=row)

    def _line(self, cell: str, cells: Sequence[str], number: int) -> InputLine:
        is_clear = is_plain(cell.encode(errors="surrogateescape"))
        text = cell if is_clear else trimmed(cell)
        if not text:
            return self._unnamed("no URL", number)
        if any(map(str.strip, cells[len(self._columns) :])):
            # A delimiter without quotes: the URL may have been cut there.
            why = f"{len(cells)} cells for {len(self._columns)} columns"
            return self._refusals.line(text, why, self._name, number)
        try:
            found = parse_input(text if is_clear else one_url(text))
        except UrlError as error:
            return self._refusals.line(text, error.message, self._name, number)
        return InputLine(found.url, found.userinfo)

    def _unnamed(self, why: str, number: int) -> InputLine:
        """Each such row is a separate entry, so it needs a unique name."""
        return InputLine(f"{self._name}:{number}", wrong=f"line {number}: {why}", line=number)


def _names(header: Sequence[str]) -> list[str]:
    """One name per column; columns without a name of their own are numbered."""
    names: list[str] = []
    known: set[str] = set()
    for number, cell in enumerate(header, 1):
        name = cell.strip()
        names.append(f"column {number}" if not name or name in known else name)
        known.add(names[-1])
    return names


def _readable(cell: str) -> str:
    """``cell`` with escapes for bytes that are not UTF-8: a record is a text."""
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _no_column(column: str, header: Sequence[str], found: int) -> str:
    if found:
        return f"{found} columns are named {column!r}"
    if not header:
        return f"is empty; it needs a header row with a column {column!r}"
    names = ", ".join(shown(cell.strip()) for cell in header[:_COLUMNS_SHOWN])
    return f"has no column {column!r}; it has: {names} (choose one with --column)"
