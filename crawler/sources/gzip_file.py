"""Reads a gzip file (RFC 1952) piece by piece, whatever its members contain."""

import io
import zlib
from typing import Any

from crawler.model.content_coding import MAX_MEMBERS
from crawler.model.errors import FailureKind, FetchError

MAGIC = b"\x1f\x8b"
_TRAILER_BYTES = 8
_READ_BYTES = 1 << 16


class GzipFile(io.RawIOBase):
    """The content of ``file``, from its position to the end of its last gzip member.

    Unlike ``gzip.open`` it limits the number of members, ignores what follows the last one, and
    returns to the caller after every piece. Reading raises FetchError for too many members,
    zlib.error for damaged data, and EOFError if the file ends inside a member.
    """

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._members = 0
        self._rest = b""
        self._inflate: zlib._Decompress | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._inflate is not None or self._next_member():
            piece = self._piece(len(buffer))
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)
        return 0

    def _next_member(self) -> bool:
        """Begin the next member, if there is one."""
        if len(self._rest) < len(MAGIC):
            self._rest += self._file.read(_READ_BYTES)
        if not self._rest.startswith(MAGIC):
            return False
        if self._members == MAX_MEMBERS:
            raise FetchError(FailureKind.DECODE, f"more than {MAX_MEMBERS:,} gzip members")
        self._members += 1
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        return True

    def _piece(self, most: int) -> bytes:
        """Decompress at most ``most`` bytes, maybe none; note the end of the member."""
        assert self._inflate is not None
        if len(self._rest) <= _TRAILER_BYTES:
            self._rest += self._file.read(_READ_BYTES)
        if not self._rest:
            raise EOFError
        # A wrong checksum loses the output of its call, so the last one has a call of its own.
        end = max(len(self._rest) - _TRAILER_BYTES, 0) or len(self._rest)
        piece = self._inflate.decompress(self._rest[:end], most)
        left, later = self._inflate.unconsumed_tail, self._rest[end:]
        if self._inflate.eof:
            left = self._inflate.unused_data
            self._inflate = None
        self._rest = left + later
        return piece
