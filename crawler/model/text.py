"""Turns bytes into text: the one place that decides about character sets.

The first of these that says something decides: byte order mark, what was declared outside (such as
the charset of a Content-Type), the declaration inside, UTF-8 if the bytes are valid, detection from
the bytes, windows-1252. Names of character sets are those of the Encoding Standard
(https://encoding.spec.whatwg.org), in lower case.
"""

import codecs
from enum import Enum
from typing import NamedTuple

from crawler.model import text_codecs
from crawler.model.text_declared import HEAD, bom, in_html, in_xml, utf_16
from crawler.model.text_detection import detect
from crawler.model.text_labels import label
from crawler.model.text_query import encode_query

__all__ = ["HEAD", "Kind", "Text", "bom", "codec", "decode", "encode_query", "label", "utf_16"]

_PIECE = 16 * 1024
_JIS = b"\x1b$B"
"""ISO-2022-JP begins characters of two bytes with it; it has no bytes beyond ASCII."""


class Kind(Enum):
    """Which declarations inside a body count."""

    HTML = "<meta> or an XML declaration"
    XML = "an XML declaration"
    PLAIN = "none"


class Text(NamedTuple):
    """``text`` is bytes if these are valid UTF-8, which saves the reader an encoding step."""

    text: str | bytes
    encoding: str


def decode(body: bytes, *, declared: str | None = None, kind: Kind) -> Text:
    """The text of ``body``, and the name of its character set.

    ``declared`` is a label from outside the body; an unknown one is ignored. A byte order mark is
    not part of the text. Bytes that cannot be decoded become U+FFFD. Never raises.
    """
    if mark := bom(body):
        name, length = mark
        return _decode_as(body[length:], name)
    if name_declared := label(declared) or _inside(body, kind):
        return _decode_as(body, name_declared)
    if body.isascii():
        return _decode_as(body, "iso-2022-jp") if _JIS in body else Text(body, "utf-8")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return _decode_as(body, detect(body, error))
    return Text(body, "utf-8")


def codec(encoding: str) -> codecs.IncrementalDecoder:
    """A decoder for the pieces of a stream in ``encoding``, a name from ``label``. Never raises.

    ``codec(name).decode(piece, final=False)`` returns a str. It keeps a byte order mark as U+FEFF.
    """
    return text_codecs.decoder(encoding)


def _inside(body: bytes, kind: Kind) -> str | None:
    if kind is Kind.HTML:
        return in_html(body) or in_xml(body)
    return in_xml(body) if kind is Kind.XML else None


def _decode_as(body: bytes, encoding: str) -> Text:
    if encoding == "utf-8" and _is_utf8(body):
        return Text(body, encoding)
    return Text(text_codecs.decode_as(body, encoding), encoding)


def _is_utf8(body: bytes) -> bool:
    """Whether ``body`` is valid UTF-8. In pieces: for all at once, a large text would be made."""
    if body.isascii():
        return True
    pieces, at, size = memoryview(body), 0, len(body)
    try:
        while at < size:
            end = at + _PIECE
            _, used = codecs.utf_8_decode(pieces[at:end], "strict", end >= size)
            at += used  # a character that the piece has only in part belongs to the next one
    except UnicodeDecodeError:
        return False
    return True
