"""Reads one member of a gzip file (RFC 1952), and says how it is damaged."""

import io
import re
import zlib
from typing import Any, BinaryIO

_CHUNK = 64 * 1024
GZIP = b"\x1f\x8b"
MAGIC = re.compile(rb"\x1f\x8b\x08")
"""How a member begins: with its magic number, and 8 for deflate."""


def begins_member(data: bytes) -> bool:
    """Whether ``data`` has the head of a member, and at least one byte of its content."""
    try:
        return bool(zlib.decompressobj(wbits=31).decompress(data, 1))
    except zlib.error:
        return False


class DamagedPartError(Exception):
    """A part of the file cannot be read; the text says why, in the words of a message."""


class CutError(DamagedPartError):
    """The file ends too early."""


class GzipMember(io.RawIOBase):
    """The content of the member at the position of ``file``; its checksum is verified at the end.

    Reading raises CutError where the file ends inside the member, else DamagedPartError.
    """

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
                raise CutError("its gzip member is cut")
            try:
                plain = self._inflate.decompress(data, len(buffer))
            except zlib.error:
                raise DamagedPartError("its gzip member is damaged") from None
            if plain:
                buffer[: len(plain)] = plain
                return len(plain)
        return 0
