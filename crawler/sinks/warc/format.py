"""The file format WARC 1.1 (https://iipc.github.io/warc-specifications/): records ↔ bytes.

What is read may be of any version and any tool; what is written has a gzip member for each record
where it is compressed at all (Annex D), so that a record can be read alone.
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
    """A record without its block: ``at`` is its offset in the file, ``length`` the block's bytes.

    ``fields`` are by lower-case name; of a repeated one the first counts.
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
        """The target URI, without the angle brackets that Wget puts around it."""
        return self.fields.get("warc-target-uri", "").strip("<>")


class _TornError(Exception):
    """The file ends within a record, or what follows is none."""


def new_id() -> str:
    return f"<urn:uuid:{uuid4()}>"


def digest(data: bytes) -> str:
    """SHA-1 in base 32, as all tools write it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def encode(fields: Headers, block: bytes, *, gzip: int | None) -> bytes:
    """A record; ``fields`` want length and block digest. ``gzip`` is the level, None for none."""
    lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in fields)]
    lines += [f"WARC-Block-Digest: {digest(block)}", f"Content-Length: {len(block)}"]
    record = b"".join(("\r\n".join(lines).encode(), _TAIL, block, _TAIL))
    return record if gzip is None else zlib.compress(record, gzip, wbits=31)


class WarcFile:
    """A file of records: their heads in order, and each block when it is asked for.

    Making one raises UsageError where ``path`` cannot be read or is no WARC. ``torn`` is known
    once ``heads`` came to its end.
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
        """Give the head of each whole record; a torn end is left out. Raises UsageError."""
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
        """RecordHead and block of the whole record at the offset ``at``."""
        stream = self._stream(at)
        head = _read_head(stream, at)
        return head, stream.read(head.length)

    def _stream(self, at: int) -> io.BufferedReader:
        """Uncompressed bytes from ``at`` on: to the end of the member where there are members."""
        self._file.seek(at)
        return io.BufferedReader(_GzipMember(self._file), _CHUNK) if self._is_gzip else self._file

    def _pass(self, at: int) -> tuple[RecordHead, int]:
        """Read all of the record at ``at``; gives its head and the offset behind it."""
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
                f"{self._path} is one single gzip stream, in which no record can be found: "
                "gunzip it and name the result"
            )
        member = stream.raw
        assert isinstance(member, _GzipMember)
        return head, self._file.tell() - member.unused


class _GzipMember(io.RawIOBase):
    """What one gzip member (RFC 1952) holds, checked against its sum at the end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(wbits=31)

    @property
    def unused(self) -> int:
        """Bytes that were read of the file but lie behind the member."""
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
