"""ISO-2022-JP, whose escape sequences change what the next bytes are (Encoding Standard, 12.2)."""

import codecs
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crawler.model.text_multibyte import BAD, error_handler, exchange

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_ESCAPE = b"\x1b"
_DOUBLE = "jis0208"
_MOST_ESCAPES = 1_000_000
"""In one piece of data; with more of them it is not text, and each is a malformed byte."""


def _table(characters: dict[int, str]) -> str:
    return "".join(characters.get(byte, BAD) for byte in range(256))


_ASCII = {byte: chr(byte) for byte in range(0x80) if byte not in (0x0E, 0x0F)}
_TABLES = {
    "ascii": _table(_ASCII),
    "roman": _table(_ASCII | {0x5C: "¥", 0x7E: "‾"}),
    "katakana": _table({byte: chr(0xFF40 + byte) for byte in range(0x21, 0x60)}),
}
_STATES = {b"(B": "ascii", b"(J": "roman", b"(I": "katakana", b"$@": _DOUBLE, b"$B": _DOUBLE}
"""By the two bytes after the escape."""
_PAIRS = re.compile(rb"((?:[\x21-\x7e]{2})+)|(?:[\x21-\x7e]?[^\x21-\x7e])+|[\x21-\x7e]")
_CHARACTERS = bytes(range(0x21, 0x7F))
_UPPER = bytes(byte | 0x80 for byte in range(256))
_INCOMPLETE = re.compile(rb"\x1b[$(]?\Z")


class Iso2022JpDecoder(codecs.IncrementalDecoder):
    """Never raises."""

    def __init__(self) -> None:
        super().__init__()
        self._errors = error_handler("euc-jp")
        self._exchange = exchange("euc-jp")
        self.reset()

    def reset(self) -> None:
        self._state = "ascii"
        self._has_switched = False
        self._rest = b""

    def decode(self, data: "ReadableBuffer", final: bool = False) -> str:
        data, self._rest = self._rest + bytes(data), b""
        if not final and (found := _INCOMPLETE.search(data)):
            data, self._rest = data[: found.start()], found[0]
        return self._exchange("".join(self._parts(data, final)))

    def _parts(self, data: bytes, final: bool) -> Iterator[str]:
        start = 0
        if data.count(_ESCAPE) > _MOST_ESCAPES:
            data = data.replace(_ESCAPE, b"\x80")
        while (at := data.find(_ESCAPE, start)) >= 0:
            yield self._characters(data[start:at])
            start = at + 1
            if state := _STATES.get(data[start : start + 2]):
                if self._has_switched:  # nothing was between two escape sequences
                    yield BAD
                self._state, self._has_switched = state, True
                start += 2
            else:
                self._has_switched = False
                yield BAD
        last = data[start:]
        if not final and not self._rest and self._state == _DOUBLE:
            last, self._rest = _whole(last)
        yield self._characters(last)

    def _characters(self, data: bytes) -> str:
        """The characters of bytes without an escape."""
        if not data:
            return ""
        self._has_switched = False
        if table := _TABLES.get(self._state):
            return codecs.charmap_decode(data, "replace", table)[0]
        return "".join([self._pairs(found) for found in _PAIRS.finditer(data)])

    def _pairs(self, found: re.Match[bytes]) -> str:
        if found[1]:
            return found[1].translate(_UPPER).decode("euc_jp", self._errors)
        return BAD * (len(found[0].translate(None, _CHARACTERS)) or 1)


def _whole(data: bytes) -> tuple[bytes, bytes]:
    """``data`` without a first byte at its end that waits for its second, and that byte."""
    lengths = [found.end() - found.start() for found in _PAIRS.finditer(data)]
    waits = bool(lengths) and lengths[-1] == 1 and 0x21 <= data[-1] <= 0x7E
    return (data[:-1], data[-1:]) if waits else (data, b"")
