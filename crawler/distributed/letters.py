"""Letters: records on their way to another shard, in files that only grow.

A letter has a head with two checksums and a body. Files of letters are read by other processes, and
on other machines, while they grow.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Self
from zlib import crc32

import msgspec

from crawler.frontier.entry import Candidate
from crawler.model.errors import StateError
from crawler.sources import InputLine

_MAGIC = b"CRWL"
_FIELDS = struct.Struct("<4siBQQIII")
_CHECK = struct.Struct("<I")
HEAD_BYTES = _FIELDS.size + _CHECK.size
_LIST = struct.Struct(">BI")
"""How a list of more than 65,535 values begins in MessagePack; any list may begin like this."""
_LIST_TAG = 0xDD


class LetterKind(IntEnum):
    """What is in a letter."""

    LINKS = 1
    LINES = 2
    SITEMAPS = 3
    """Lines that are URLs of sitemaps: how many lines they are is not known yet."""
    STANDING = 4
    """No records: how far a shard has read a log whose letters it does not have any more."""


_KINDS = frozenset(LetterKind)


class LetterHead(msgspec.Struct, frozen=True):
    """The head of a letter.

    ``place`` is the shard that it is for, or from which it came; there it was in the bytes from
    ``start`` to ``end`` of the log. ``size`` is that of the body in bytes, ``count`` the number of
    its records.
    """

    place: int
    kind: LetterKind
    start: int
    end: int
    count: int
    size: int
    checksum: int


def pack(
    place: int, kind: LetterKind, body: bytes, count: int, *, start: int = 0, end: int = 0
) -> bytes:
    fields = _FIELDS.pack(_MAGIC, place, kind, start, end, count, len(body), crc32(body))
    return fields + _CHECK.pack(crc32(fields)) + body


def records(encoded: Sequence[bytes]) -> bytes:
    """The body of a letter with these records, each encoded as MessagePack."""
    return _LIST.pack(_LIST_TAG, len(encoded)) + b"".join(encoded)


encode = msgspec.msgpack.Encoder().encode
_links = msgspec.msgpack.Decoder(list[Candidate]).decode
_lines = msgspec.msgpack.Decoder(list[InputLine]).decode


def decode(kind: LetterKind, body: bytes) -> Sequence[Candidate | InputLine]:
    """Raises msgspec.MsgspecError."""
    return _links(body) if kind is LetterKind.LINKS else _lines(body)


class LetterFile:
    """Reads the letters of a file up to ``end`` bytes. A context manager."""

    def __init__(self, path: Path, end: int | None = None) -> None:
        """Raises StateError if the file cannot be read or is shorter than ``end``."""
        self.path = path
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise StateError(f"{path}: {error.strerror}") from None
        size = os.fstat(self._file.fileno()).st_size
        if end is not None and size < end:
            self._file.close()
            raise StateError(
                f"{path}: has {size} bytes, but {end} were committed; restore the file: what other "
                "shards have to fetch is in it"
            )
        self.end = size if end is None else end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def heads(self, start: int = 0) -> Iterator[tuple[LetterHead, int]]:
        """The heads from ``start`` on, and where each body begins.

        Raises StateError for a damaged one, and for a letter that goes over ``end``.
        """
        at = start
        while at < self.end:
            head = self._head(at)
            begin = at + HEAD_BYTES
            if head is None or begin + head.size > self.end:
                raise self.damage(at)
            yield head, begin
            at = begin + head.size

    def _head(self, at: int) -> LetterHead | None:
        return _parsed(os.pread(self._file.fileno(), HEAD_BYTES, at))

    def head_in(self, body: bytes, at: int) -> LetterHead:
        """The head of a letter inside of another letter with this ``body``. Raises StateError."""
        head = _parsed(body[at : at + HEAD_BYTES])
        if head is None:
            raise self.damage(at)
        return head

    def body(self, head: LetterHead, begin: int) -> bytes:
        """Raises StateError if it is damaged."""
        body = os.pread(self._file.fileno(), head.size, begin)
        if len(body) < head.size or crc32(body) != head.checksum:
            raise self.damage(begin)
        return body

    def damage(self, at: int) -> StateError:
        return StateError(
            f"{self.path}: is damaged at byte {at}; restore the file from a copy: what it has for "
            "the shards of this crawl exists nowhere else"
        )


def _parsed(data: bytes) -> LetterHead | None:
    """The head in ``data``, or None if it is not a whole one."""
    if len(data) < HEAD_BYTES or not data.startswith(_MAGIC):
        return None
    if _CHECK.unpack(data[_FIELDS.size :])[0] != crc32(data[: _FIELDS.size]):
        return None
    _, place, kind, *rest = _FIELDS.unpack(data[: _FIELDS.size])
    return LetterHead(place, LetterKind(kind), *rest) if kind in _KINDS else None
