"""Finds the character set of bytes that declare none."""

import codecs
import re

from crawler.model.text_codecs import decode_as
from crawler.model.text_labels import label

_SAMPLE = 64 * 1024
_BEFORE = 1024
_FEW = 6
"""Bytes beyond ASCII that are too little for a statistics of letters."""
_MOST_CHARACTERS = 20
"""For each malformed sequence, there must be so many bytes beyond ASCII."""
_ADJACENT = re.compile(rb"[\x80-\xff]{2}")
_ASCII = bytes(range(0x80))
_BAD = "\ufffd"
_TOUCHING = re.compile(r"\ufffd[^\x00-\x7f]|[^\x00-\x7f]\ufffd")
_OTHER_NAMES = {"UHC": "euc-kr", "maccyrillic": "x-mac-cyrillic"}
"""Names of the detector that are not labels."""

_NOT_BELIEVED = ("utf-8", "replacement")
"""It is not UTF-8, and the encodings of "replacement" have no bytes beyond ASCII."""


def detect(body: bytes, error: UnicodeDecodeError) -> str:
    """The name of the character set of ``body``, which is not valid UTF-8: ``error`` says where."""
    if _is_damaged_utf8(body, error.start):
        return "utf-8"
    start = max(0, error.start - _BEFORE)
    sample = body[start : start + _SAMPLE]
    if _has_few(sample):
        return "windows-1252"
    import cchardet  # imported here: few pages need it, and the import takes time

    found = cchardet.detect(sample)["encoding"] or ""
    name = _OTHER_NAMES.get(found) or label(found)
    if name is None or name in _NOT_BELIEVED or not _is_text(sample, name):
        return "windows-1252"
    return name


def _is_text(sample: bytes, name: str) -> bool:
    """Whether nearly all bytes beyond ASCII are characters of the encoding; one may be cut."""
    malformed = decode_as(sample, name).count(_BAD)
    return (malformed - 1) * _MOST_CHARACTERS < _beyond_ascii(sample)


def _beyond_ascii(sample: bytes) -> int:
    return len(sample.translate(None, _ASCII))


def _is_damaged_utf8(body: bytes, start: int) -> bool:
    """Whether there is much more UTF-8 than bytes that are not; the first of these is at ``start``.

    Text in another character set has a valid sequence of two bytes by chance now and then, but more
    that is malformed, and next to it. The last character may be cut and does not count.
    """
    before = body[:start]
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(body[start : start + _SAMPLE])
    malformed = text.count(_BAD)  # if the text has this character, too, it counts as malformed
    good = len(before) - len(before.decode()) + len(text.encode()) - len(text) - 2 * malformed
    return good >= max(1, malformed * (2 if _TOUCHING.search(text) else 1))


def _has_few(sample: bytes) -> bool:
    """Whether a few bytes beyond ASCII stand alone: accents or quotation marks of Western Europe,
    most likely. It is too little for a statistics of letters.
    """
    return _beyond_ascii(sample) < _FEW and _ADJACENT.search(sample) is None
