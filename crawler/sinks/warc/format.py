"""Reads and writes records in the format WARC 1.1 (https://iipc.github.io/warc-specifications/).

Files of any version and any tool can be read. A compressed file is written with one gzip member per
record (Annex D), so that each record can be read alone.
"""

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self
from uuid import uuid4

import msgspec

from crawler.model.errors import UsageError
from crawler.model.exchange import Headers

_GZIP = b"\x1f\x8b"
_TAIL = b"\r\n\r\n"
_CHUNK = 64 * 1024
_MAX_LINE = 64 * 1024
_LENGTH = re.compile("[0-9]{1,18}")


class RecordHead(msgspec.Struct, frozen=True):
    """A record without its block: ``at`` is its offset in the file, ``length`` the block's size.

    ``fields`` are by name in lower case; of repeated fields the first one is kept.
    """

    at: int
    length: int
    fields: dict[str, str]

    @property
    def type(self) -> str:
        return self.fields.get("warc-type", "")

    @property
    def id(self) -> str:
        return self.fields.get("warc-record-id", "")

    @property
    def target(self) -> str:
        """The target URI, without the angle brackets that Wget adds."""
        return self.fields.get("warc-target-uri", "").strip("<>")


class _TornError(Exception):
    """The file ends inside a record, or the next bytes are not a record."""


def new_id() -> str:
    return f"<urn:uuid:{uuid4()}>"


def digest(data: bytes) -> str:
    """SHA-1 in base 32, the usual form in WARC files."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def encode(fields: Headers, block: bytes, *, gzip: int | None) -> bytes:
    """A record of ``fields`` and ``block``; the block's length and digest are added.

    ``gzip`` is the compression level, None for no compression.
    """
    lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in fields)]
    lines += [f"WARC-Block-Digest: {digest(block)}", f"Content-Length: {len(block)}"]
    record = b"".join(("\r\n".join(lines).encode(), _TAIL, block, _TAIL))
    return record if gzip is None else zlib.compress(record, gzip, wbits=31)


class WarcFile:
    """A file of records: ``heads`` returns them in order, ``read`` returns one with its block.

    The constructor raises UsageError if ``path`` cannot be read or is not a WARC file. ``torn`` is
    valid after ``heads`` has reached the end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.torn = False
        try:
            self._file = path.open("rb")
            self._is_gzip = self._file.read(2) == _GZIP
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
        self._size = self._file.seek(0, io.SEEK_END)
        try:
            is_warc = self._stream(0).read(5) == b"WARC/"
        except _TornError:
            is_warc = False
        if not is_warc:
            self._file.close()
            raise UsageError(f"{path} is not a WARC file: name one that --record or wget wrote")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def heads(self) -> Iterator[RecordHead]:
        """The heads of all complete records. Raises UsageError for a single gzip stream."""
        at = 0
        while at < self._size:
            try:
                head, end = self._pass(at)
            except _TornError:
                self.torn = True
                return
            yield head
            at = end

    def read(self, at: int) -> tuple[RecordHead, bytes]:
        """Head and block of the complete record at offset ``at``."""
        stream = self._stream(at)
        head = _read_head(stream, at)
        return head, stream.read(head.length)

    def _stream(self, at: int) -> io.BufferedReader:
        """Uncompressed bytes from ``at``; in a gzip file, to the end of the member."""
        self._file.seek(at)
        return io.BufferedReader(_GzipMember(self._file), _CHUNK) if self._is_gzip else self._file

    def _pass(self, at: int) -> tuple[RecordHead, int]:
        """Read the whole record at ``at``; returns its head and the offset after it."""
        stream = self._stream(at)
        head = _read_head(stream, at)
        left = head.length
        while left:
            data = stream.read(min(left, _CHUNK))
            if not data:
                raise _TornError
            left -= len(data)
        if stream.read(len(_TAIL)) != _TAIL:
            raise _TornError
        if not self._is_gzip:
            return head, stream.tell()
        if stream.read(1):
            raise UsageError(
                f"{self._path} is a single gzip stream, so its records cannot be read one by one: "
                "decompress it with gunzip and use the result"
            )
        member = stream.raw
        assert isinstance(member, _GzipMember)
        return head, self._file.tell() - member.unused


class _GzipMember(io.RawIOBase):
    """The content of one gzip member (RFC 1952); its checksum is verified at the end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(wbits=31)

    @property
    def unused(self) -> int:
        """Number of bytes that were read from the file but come after the member."""
        return len(self._inflate.unused_data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._file.read(_CHUNK)
            if not data:
                raise _TornError
            try:
                plain = self._inflate.decompress(data, len(buffer))
            except zlib.error:
                raise _TornError from None
            if plain:
                buffer[: len(plain)] = plain
                return len(plain)
        return 0


def _read_head(stream: io.BufferedReader, at: int) -> RecordHead:
    if not stream.readline(_MAX_LINE).startswith(b"WARC/"):
        raise _TornError
    fields: dict[str, str] = {}
    name = ""
    while line := stream.readline(_MAX_LINE).rstrip(b"\r\n").decode("utf-8", "replace"):
        if line[0] in " \t" and name:  # a folded line (WARC 1.0, section 4)
            fields[name] += line
            continue
        name, _, value = line.partition(":")
        name = name.lower()
        fields.setdefault(name, value.strip())
    length = fields.get("content-length", "")
    if not _LENGTH.fullmatch(length):
        raise _TornError
    return RecordHead(at, int(length), fields)
