"""Decoders and encoders of the Encoding Standard, built on Python's codecs."""

import codecs
from urllib.parse import quote_from_bytes

_CODECS = {
    "iso-8859-8-i": "iso8859-8",
    "macintosh": "mac_roman",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac_cyrillic",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "replacement": "ascii",
    "x-user-defined": "windows-1252",
}
"""Python's codec if the standard's name is not a codec, or a codec with fewer characters."""
_LACKING = "crawler.reference"
"""The error handler that writes the number of a character."""
_QUERY_SAFE = "!$%&()*+,-./:;=?@[\\]^_`{|}~"
"""ASCII characters, besides letters and digits, that stay in the query of a special URL."""


def decoder(encoding: str) -> codecs.IncrementalDecoder:
    """A decoder for the pieces of a stream; it never raises."""
    return codecs.getincrementaldecoder(_codec(encoding))("replace")


def decode_as(body: bytes, encoding: str) -> str:
    """``body`` as text, with U+FFFD for bytes that are not characters. Never raises."""
    return body.decode(_codec(encoding), "replace")


def encode_query(text: str, encoding: str) -> bytes:
    """The query of a URL in ASCII: "percent-encode after encoding" of the URL Standard.

    A character that ``encoding`` lacks becomes ``%26%23``, its number and ``%3B``.
    """
    if encoding in ("replacement", "utf-16be", "utf-16le"):  # "get an output encoding"
        encoding = "utf-8"
    return quote_from_bytes(text.encode(_codec(encoding), _LACKING), _QUERY_SAFE).encode()


def _reference(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(f"%26%23{ord(each)}%3B" for each in lacking).encode(), error.end


codecs.register_error(_LACKING, _reference)


def _codec(encoding: str) -> str:
    return _CODECS.get(encoding, encoding)
