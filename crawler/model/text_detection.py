"""Finds the character set of bytes that declare none."""

import codecs
import re

from crawler.model.text_labels import label

_SAMPLE = 64 * 1024
_BEFORE = 1024
_FEW = 6
_ADJACENT = re.compile(rb"[\x80-\xff]{2}")
_ASCII = bytes(range(0x80))
_BAD = "\ufffd"
_TOUCHING = re.compile(r"\ufffd[^\x00-\x7f]|[^\x00-\x7f]\ufffd")
_OTHER_NAMES = {"UHC": "euc-kr"}
"""Names of the detector that are not labels."""


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
    # It is not UTF-8, and encodings of "replacement" have no bytes beyond ASCII.
    return name if name and name not in ("utf-8", "replacement") else "windows-1252"


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
    return len(sample.translate(None, _ASCII)) < _FEW and _ADJACENT.search(sample) is None
