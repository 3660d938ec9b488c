"""Reads the head of a response before llhttp, so that aiohttp takes it as the other engines do.

llhttp rejects a repeated Content-Length and what follows a 1xx response that closes; and it accepts
heads that it reads wrongly: a line of spaces ends them for it, and after ``chunked`` and a tab it
returns the chunks as the body. Nearly every head is plain, and passes as it is.
"""

import re

from crawler.engines.shared.framing import body_length
from crawler.engines.shared.heads import (
    FIELD_NAME,
    Head,
    check_beginning,
    count_interim,
    parse_head,
)
from crawler.model.exchange import Headers, values_of

_HEAD_END = re.compile(rb"\n\r?\n")
_LENGTH = rb"[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh]:"
_OTHERS = rb"(?:(?!%b)%b:[^\0\t\r\n]*+\r\n)*+" % (
    _LENGTH,
    FIELD_NAME.encode().replace(b"]+", b"]++"),
)
# No 1xx, 204 or 304, no tab, NUL, bare CR or bare LF, one length at most. Possessive: no part is
# tried twice.
_PLAIN = re.compile(
    rb"HTTP/1\.[01] (?!204|304)[2-9][0-9][0-9](?: [^\0\r\n]*+)?\r\n"
    rb"%b(?:%b *+([0-9]{1,18}) *+\r\n%b)?+\r\n" % (_OTHERS, _LENGTH, _OTHERS)
)
_FRAMING = ("content-length", "transfer-encoding")


class HeadFilter:
    """The head of one response. ``headers`` are those that were sent, if llhttp gets others."""

    headers: Headers | None = None
    _searched = _interim = 0

    def __init__(self) -> None:
        self._received: bytearray | None = None

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Return a head for llhttp, once it is complete, and the bytes after it.

        Until then the first is empty. A body may stand with its head, if nothing can be after it.
        Raises FetchError.
        """
        if self._received is None:
            plain = _PLAIN.match(data)
            if plain is not None:
                end, length = plain.end(), plain[1]
                if length is not None and len(data) - end <= int(length):
                    return data, b""
                return data[:end], data[end:]
            self._received = bytearray()
        self._received += data
        return self._take_parsed(self._received)

    def _take_parsed(self, received: bytearray) -> tuple[bytes, bytes]:
        while (end := self._end_of_head(received)) is not None:
            head = parse_head(bytes(received[:end]))
            del received[:end]
            self._searched = 0
            if head.status >= 200:
                self.headers = head.headers
                return _plain(head), bytes(received)
            self._interim = count_interim(head.status, self._interim)
        return b"", b""

    def _end_of_head(self, received: bytearray) -> int | None:
        check_beginning(received)
        found = _HEAD_END.search(received, self._searched)
        if found is not None:
            return found.end()
        self._searched = max(0, len(received) - 2)
        return None


def _plain(head: Head) -> bytes:
    """The same head with its length said once. Raises FetchError if it is ambiguous."""
    codings = values_of(head.headers, "transfer-encoding")
    length = body_length(values_of(head.headers, "content-length"), codings)
    lines = [f"{name}: {value}" for name, value in head.headers if name not in _FRAMING]
    if codings:
        lines.append("transfer-encoding: chunked")
    elif length is not None:
        lines.append(f"content-length: {length}")
    return "\r\n".join([f"HTTP/{head.version} {head.status} ", *lines, "", ""]).encode("latin-1")
