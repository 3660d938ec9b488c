"""Checks that a response head and the length of its body are unambiguous; for every engine.

If two recipients can read a response differently, an attacker can hide one response inside another
(RFC 9112, 11.1 and 11.2). Such responses are rejected, even if the library accepts them.
"""

import re
from collections.abc import Collection

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers

_LINE_END = re.compile(r"[\0\r\n]")
_LENGTH = re.compile(r"[0-9]{1,18}")
FIELD_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""A header name, as a regular expression (RFC 9110, 5.6.2): no spaces, only ASCII letters."""


def check_lines(headers: Headers) -> None:
    """Raise FetchError if a request header would span more than its line (RFC 9110, 5.5).

    The libraries would send it, or show its value, which may be a secret, in an error.
    """
    if any(_LINE_END.search(text) for line in headers for text in line):
        raise FetchError(FailureKind.PROTOCOL, "a request header contains NUL, CR or LF")


def body_length(lengths: Collection[str], codings: Collection[str]) -> int | None:
    """Length of the body by Content-Length and Transfer-Encoding; None if they do not define it.

    Raises FetchError unless there is one number, ``chunked`` or neither (RFC 9112, 6.3). Repeated
    headers with the same number are accepted, a list in one header is not.
    """
    if codings:
        if [coding.lower() for coding in codings] != ["chunked"]:
            raise FetchError(FailureKind.PROTOCOL, "Transfer-Encoding other than chunked")
        if lengths:
            raise FetchError(FailureKind.PROTOCOL, "both Transfer-Encoding and Content-Length")
        return None
    if not lengths:
        return None
    length, *others = set(lengths)
    if others or not _LENGTH.fullmatch(length):
        raise FetchError(FailureKind.PROTOCOL, "Content-Length is not a single number")
    return int(length)


FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Names of headers that describe the connection (RFC 9110, 7.6.1) or repeat the URL's host."""
