"""Reads every output format whole, with other libraries than those that write it."""

import csv
import gzip
import re
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from crawler.model.pages import Page

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdFile
else:
    from backports.zstd import ZstdFile

Row = Mapping[str, Any]
_JSON = ("status", "elapsed_ms", "bytes", "depth", "links", "fields", "input")


def _jsonl(path: Path) -> list[Row]:
    return _rows(path.read_bytes())


def _gzip(path: Path) -> list[Row]:
    with gzip.open(path) as file:
        return _rows(file.read())


def _zstd(path: Path) -> list[Row]:
    with ZstdFile(path) as file:
        return _rows(file.read())


def _csv(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [_of_cells(cells) for cells in csv.DictReader(file, strict=True)]


def _of_cells(cells: Row) -> Row:
    """The page of a row without columns for single fields: an empty cell is no value."""
    assert None not in cells
    assert None not in cells.values()
    row = {name: _value(name, unguarded(cell)) for name, cell in cells.items()}
    return {name: value for name, value in row.items() if name != "input" or value is not None}


def unguarded(cell: str) -> str:
    """The text that was guarded, as the documentation says."""
    return re.sub("^'(?='*[=+\\-@\t\r\n＝＋－＠])", "", cell)


def _value(name: str, cell: str) -> Any:
    return msgspec.json.decode(cell) if cell and name in _JSON else cell or None


def _sqlite(path: Path) -> list[Row]:
    """Also checks the index for full-text search, and that all tables hold together."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        (check,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert check == "ok"
        (records,) = connection.execute("SELECT records FROM output").fetchone()
        pages, others = "SELECT id FROM pages", "SELECT id FROM failures UNION SELECT id FROM skips"
        numbers = [number for (number,) in connection.execute(f"{pages} UNION ALL {others}")]
        assert len(set(numbers)) == len(numbers)
        assert max(numbers, default=0) <= records
        found = connection.execute("SELECT * FROM pages ORDER BY id").fetchall()
        return [_of_tables(dict(row), connection) for row in found]


def _of_tables(row: dict[str, Any], connection: sqlite3.Connection) -> Row:
    number = row.pop("id")
    links = "SELECT url FROM links WHERE page = ? ORDER BY rowid"
    row["links"] = [url for (url,) in connection.execute(links, (number,))]
    row["fields"] = row["fields"] and msgspec.json.decode(row["fields"])
    return {name: value for name, value in row.items() if name != "input" or value is not None}


def _parquet(path: Path) -> list[Row]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    table.validate(full=True)
    return [_of_types(row) for row in table.to_pylist()]


def _of_types(row: dict[str, Any]) -> Row:
    assert row.pop("host") == urlsplit(row["url"]).hostname
    row["fetched_at"] = row["fetched_at"].isoformat().replace("+00:00", "Z")
    return {name: value for name, value in row.items() if name != "input" or value is not None}


def _rows(data: bytes) -> list[Row]:
    assert not data or data.endswith(b"\n")
    return [msgspec.json.decode(line) for line in data.splitlines()]


READERS: Mapping[str, Callable[[Path], list[Row]]] = MappingProxyType(
    {
        ".jsonl": _jsonl,
        ".jsonl.gz": _gzip,
        ".jsonl.zst": _zstd,
        ".csv": _csv,
        ".db": _sqlite,
        ".sqlite": _sqlite,
        ".parquet": _parquet,
    }
)
"""Suffix → a function that returns the pages of a file as ``pages.jsonl`` has them.

It fails where the file is torn.
"""


def as_row(page: Page) -> Row:
    """The page as ``pages.jsonl`` has it."""
    row: Row = msgspec.json.decode(msgspec.json.encode(page))
    return row
