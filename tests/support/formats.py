"""Reads every output format whole, with other libraries than those that write it."""

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from backports.zstd import ZstdFile

from crawler.model.pages import Page

Row = Mapping[str, Any]


def _jsonl(path: Path) -> list[Row]:
    return _rows(path.read_bytes())


def _gzip(path: Path) -> list[Row]:
    with gzip.open(path) as file:
        return _rows(file.read())


def _zstd(path: Path) -> list[Row]:
    with ZstdFile(path) as file:
        return _rows(file.read())


def _rows(data: bytes) -> list[Row]:
    assert not data or data.endswith(b"\n")
    return [msgspec.json.decode(line) for line in data.splitlines()]


READERS: Mapping[str, Callable[[Path], list[Row]]] = MappingProxyType(
    {".jsonl": _jsonl, ".jsonl.gz": _gzip, ".jsonl.zst": _zstd}
)
"""Suffix → a function that returns the pages of a file as ``pages.jsonl`` has them.

It fails where the file is torn.
"""


def as_row(page: Page) -> Row:
    """The page as ``pages.jsonl`` has it."""
    row: Row = msgspec.json.decode(msgspec.json.encode(page))
    return row
