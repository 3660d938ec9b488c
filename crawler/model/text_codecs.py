"""The decoders of the Encoding Standard, built on Python's codecs.

Python's tables are those of the standard but for some hundred characters, which are named here. Its
codecs differ in how much of a malformed sequence becomes one U+FFFD.
"""

import codecs
from codecs import IncrementalDecoder
from functools import cache
from typing import TYPE_CHECKING

from crawler.model.text_jis import Iso2022JpDecoder
from crawler.model.text_multibyte import CODECS, MultiByteDecoder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CODECS = {
    "iso-8859-8-i": "iso8859-8",
    "macintosh": "mac_roman",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-user-defined": "ascii",
}
"""Python's codec of a single-byte encoding, if the standard's name is not a codec."""
_DIFFERENT = {
    "koi8-u": {0xAE: "ў", 0xBE: "Ў"},
    "windows-1255": {0xCA: "\u05ba"},
    "x-user-defined": {byte: chr(0xF700 + byte) for byte in range(0x80, 0x100)},
}
"""Bytes for which Python's codec has another character."""
_UNDEFINED = "\ufffe"
"""Python's mark of a byte without a character."""


def decoder(encoding: str) -> IncrementalDecoder:
    """A decoder for the pieces of a stream; it never raises."""
    if encoding.startswith("utf-"):
        return codecs.getincrementaldecoder(encoding)("replace")
    if encoding in CODECS:
        return MultiByteDecoder(encoding)
    if encoding == "iso-2022-jp":
        return Iso2022JpDecoder()
    return ReplacementDecoder() if encoding == "replacement" else SingleByteDecoder(encoding)


def decode_as(body: bytes, encoding: str) -> str:
    """``body`` as text, with U+FFFD for bytes that are not characters. Never raises."""
    return decoder(encoding).decode(body, True)


class SingleByteDecoder(IncrementalDecoder):
    """Each byte is a character or U+FFFD (Encoding Standard, 9)."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._table = single_byte_table(encoding)

    def decode(self, data: "ReadableBuffer", final: bool = False) -> str:
        return codecs.charmap_decode(data, "replace", self._table)[0]


@cache
def single_byte_table(encoding: str) -> str:
    """The characters of all 256 bytes; U+FFFE for a byte that has none."""
    codec, different = _CODECS.get(encoding, encoding), _DIFFERENT.get(encoding, {})
    table = list(bytes(range(256)).decode(codec, "replace").replace("\ufffd", _UNDEFINED))
    for byte in range(0x80, 0x100):
        is_control = (
            byte < 0xA0 and table[byte] == _UNDEFINED
        )  # so are all bytes without another use
        table[byte] = different.get(byte, chr(byte) if is_control else table[byte])
    return "".join(table)


class ReplacementDecoder(IncrementalDecoder):
    """One U+FFFD for everything: ISO-2022-KR and others hide ASCII characters in what looks like
    text (Encoding Standard, 14.1).
    """

    def __init__(self) -> None:
        super().__init__()
        self._has_begun = False

    def decode(self, data: "ReadableBuffer", final: bool = False) -> str:
        is_first = bool(bytes(data)) and not self._has_begun
        self._has_begun |= is_first
        return "\ufffd" if is_first else ""

    def reset(self) -> None:
        self._has_begun = False
