"""The head of a recorded HTTP message, as tools write it: also with LF alone as line end."""

import re
from typing import NamedTuple

from crawler.model.exchange import Headers

_END = re.compile(rb"\r?\n\r?\n")
_LINE = re.compile(r"\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")


class RecordedHead(NamedTuple):
    """The first line and the headers, names in lower case; ``size`` in bytes, with its end."""

    first: str
    headers: Headers
    size: int


def parse_head(block: bytes) -> RecordedHead | None:
    """Return the head of an HTTP message, or None if it has no end (RFC 9112, 2.1 and 5.2)."""
    end = _END.search(block)
    if end is None:
        return None
    text = _FOLD.sub(" ", block[: end.start()].decode("latin-1"))
    first, *lines = _LINE.split(text)
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.strip().lower(), value.strip(" \t")) for name, _, value in pairs)
    return RecordedHead(first, headers, end.end())
