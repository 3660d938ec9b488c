"""How a table separates its cells: as its user or its first line says, or as its header shows."""

import csv
import re
from collections.abc import Sequence

from crawler.sources.table_rows import TableLines
from crawler.sources.url_text import trimmed

USUAL = (",", ";", "\t", "|")
_SEPARATOR = re.compile(r'"?sep=([^"\r\n])\1*"?\s*', re.IGNORECASE)
_MOST_LINES = 100


def begins_table(line: str, column: str) -> bool:
    """Whether the first ``line`` of a file names a separator, as Excel writes it, or is a header
    with several cells, one of them ``column``.

    As a list the file would be dangerous: with ``,Tea`` after it, a URL is another valid URL.
    """
    if _SEPARATOR.fullmatch(line):
        return True
    best = max(_fitness((line,), delimiter, column) for delimiter in USUAL)
    return best >= (True, 2)


def named_separator(lines: TableLines) -> str | None:
    """The delimiter in a first line like ``sep=;``, as Excel writes it. The line is consumed."""
    found = _SEPARATOR.fullmatch("".join(lines.ahead(1)))
    if found is None:
        return None
    next(lines)
    return found[1]


def found_delimiter(lines: TableLines, column: str, usual: str) -> str:
    """The delimiter that makes ``column`` a cell of the header, in doubt ``usual``."""
    text = _header(lines)
    best = usual
    for delimiter in USUAL:
        if _fitness(text, delimiter, column) > _fitness(text, best, column):
            best = delimiter
    return best


def _header(lines: TableLines) -> Sequence[str]:
    """The lines of the header row. They are not consumed."""
    header: list[str] = []
    for line in lines.ahead(_MOST_LINES):
        header.append(line)
        if line.strip() and sum(each.count('"') for each in header) % 2 == 0:
            break
    return header


def _fitness(header: Sequence[str], delimiter: str, column: str) -> tuple[bool, int]:
    """Whether the column is there; the number of cells."""
    try:
        rows = csv.reader(header, delimiter=delimiter)
        cells = next((row for row in rows if any(map(str.strip, row))), [])
    except csv.Error:
        return False, 0
    return any(is_same(cell, column) for cell in cells), len(cells)


def is_same(cell: str, column: str) -> bool:
    """Whether ``cell`` of a header names ``column``: case and white space do not matter."""
    return trimmed(cell).casefold() == trimmed(column).casefold()
