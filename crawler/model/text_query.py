"""Encodes the query of a URL in the character set of its page, as the Encoding Standard does."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from unicodedata import normalize
from urllib.parse import quote_from_bytes

from crawler.model.text_codecs import decode_as, single_byte_table
from crawler.model.text_multibyte import BAD, CODECS, EXCHANGED

_SAFE = "!$%&()*+,-./:;=?@[\\]^_`{|}~"
"""ASCII characters, besides letters and digits, that stay in the query of a special URL."""
_TRAILS = (*range(0x40, 0x7F), *range(0x80, 0xFF))
_BIG5_LAST = "═╞╡╪十卅"
"""Characters of Big5 of which the last bytes count, not the first ones."""
_YEN = {"¥": b"\\", "‾": b"~"}
_NOT_SENT = "\x0e\x0f\x1b"
"""ISO-2022-JP does not encode them: they would change the meaning of the bytes after them."""
_ASCII, _ROMAN, _DOUBLE = b"\x1b(B", b"\x1b(J", b"\x1b$B"
_VOICED = {"ﾞ": "゛", "ﾟ": "゜"}


_GB18030_LONG = {"\ue7c7": b"\x81\x35\xf4\x37"}
_NOT_GB18030 = "\ue5e5\ue7c7\u1e3f"
"""Exchanged when decoding, but not encoded as what they are exchanged for."""


def encode_query(text: str, encoding: str) -> bytes:
    """The query of a special URL in ASCII: "percent-encode after encoding" of the URL Standard.

    A character that ``encoding`` lacks becomes ``%26%23``, its number and ``%3B``. Never raises.
    """
    return quote_from_bytes(b"".join(_encoded(text, encoding)), _SAFE).encode()


def _encoded(text: str, encoding: str) -> Iterable[bytes]:
    if encoding == "iso-2022-jp":
        return _iso_2022_jp(text)
    is_unicode = (
        encoding.startswith("utf-") or encoding == "replacement"
    )  # "get an output encoding"
    if is_unicode or text.isascii():
        return (text.encode("utf-8", "replace"),)
    if encoding in CODECS:
        return _multi_byte(text, encoding)
    table = _single_bytes(encoding)
    return (table.get(character) or _reference(character) for character in text)


def _reference(character: str) -> bytes:
    return f"%26%23{ord(character)}%3B".encode()


def _multi_byte(text: str, encoding: str) -> Iterator[bytes]:
    table = _double_bytes(encoding)
    for character in text:
        if character.isascii():
            yield character.encode()
        elif found := table.get(character):
            yield found
        elif encoding == "gb18030" and character != "\ue5e5":
            yield character.encode("gb18030", "replace")
        else:
            yield _reference(character)


@cache
def _single_bytes(encoding: str) -> dict[str, bytes]:
    table = single_byte_table(encoding)
    return {
        character: bytes((byte,)) for byte, character in enumerate(table) if character != "\ufffe"
    }


@cache
def _double_bytes(encoding: str) -> dict[str, bytes]:
    """The bytes of all characters of two bytes; where there are several, the first ones."""
    pairs = [bytes((lead, trail)) for lead in _leads(encoding) for trail in _TRAILS]
    characters = decode_as(b"\n".join(pairs), encoding).split("\n")
    table: dict[str, bytes] = {}
    for pair, character in zip(pairs, characters, strict=True):
        is_one = len(character) == 1 and character != BAD
        if is_one and (character not in table or (encoding == "big5" and character in _BIG5_LAST)):
            table[character] = pair
    return table | _others(encoding, table)


def _leads(encoding: str) -> Iterable[int]:
    """The first bytes that are written; decoders read more."""
    if encoding == "big5":
        return range(0xA1, 0xFF)  # not the Hong Kong Supplementary Character Set
    if encoding == "shift_jis":  # not NEC's selection of IBM extensions, not end users' characters
        return chain(range(0x81, 0xED), range(0xEF, 0xF0), range(0xFA, 0xFD))
    return range(0x81, 0xFF)


def _others(encoding: str, table: dict[str, bytes]) -> dict[str, bytes]:
    if encoding in ("euc-jp", "shift_jis"):
        single = {chr(0xFEC0 + byte): bytes((byte,)) for byte in range(0xA1, 0xE0)}
        single["\x80"] = b"\x80"
        return _YEN | {"−": table["－"]} | (single if encoding == "shift_jis" else {})
    if encoding in ("gbk", "gb18030"):
        private = {old: table[new] for old, new in EXCHANGED["gb18030"].items() if new in table}
        for character in _NOT_GB18030:
            private.pop(character, None)
        return private | ({"€": b"\x80"} if encoding == "gbk" else _GB18030_LONG)
    return {}


def _iso_2022_jp(text: str) -> Iterator[bytes]:
    """Encoding Standard, 12.2.2."""
    state = _ASCII
    for each in text:
        encoded, wanted = _jis(each, state)
        if wanted != state:
            yield wanted
        state = wanted
        yield encoded
    if state != _ASCII:
        yield _ASCII


def _jis(character: str, state: bytes) -> tuple[bytes, bytes]:
    """The bytes of a character, and the escape sequence that they need before them."""
    single = _ROMAN if state == _ROMAN else _ASCII
    if character in _NOT_SENT:
        return _reference(BAD), single
    if character.isascii():
        return character.encode(), _ASCII if character in "\\~" else single
    if character in _YEN:
        return _YEN[character], _ROMAN
    if "｡" <= character <= "ﾟ":
        character = _VOICED.get(character) or normalize("NFKC", character)
    pair = _double_bytes("euc-jp").get(character, b"")
    if len(pair) != 2 or pair[0] == 0x8E:
        return _reference(character), single
    return bytes(byte & 0x7F for byte in pair), _DOUBLE
