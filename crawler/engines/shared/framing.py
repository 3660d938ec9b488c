"""Checks that a response head and the length of its body are unambiguous; for every engine.

If two recipients can read a response differently, an attacker can hide one response inside another
(RFC 9112, 11.1 and 11.2). Such responses are rejected, even if the library accepts them.
"""

import re
from collections.abc import Collection, Iterable, Sequence

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers

_LINE_END = re.compile(r"[\0\r\n]")
_MOST_DIGITS = 18


def check_lines(headers: Headers) -> None:
    """Raise FetchError if a request header would span more than its line (RFC 9110, 5.5).

    The libraries would send it, or show its value, which may be a secret, in an error.
    """
    if any(_LINE_END.search(text) for line in headers for text in line):
        raise FetchError(FailureKind.PROTOCOL, "a request header contains NUL, CR or LF")


def body_length(lengths: Sequence[str], codings: Sequence[str]) -> int | None:
    """Length of the body by Content-Length and Transfer-Encoding; None if they do not define it.

    Raises FetchError unless there is one number, ``chunked`` or neither (RFC 9112, 6.3). The same
    number may be repeated, in several headers or in a list (RFC 9110, 8.6), as in browsers.
    """
    if codings:
        if [coding.lower() for coding in codings] != ["chunked"]:
            raise FetchError(FailureKind.PROTOCOL, "Transfer-Encoding other than chunked")
        if lengths:
            raise FetchError(FailureKind.PROTOCOL, "both Transfer-Encoding and Content-Length")
        return None
    if not lengths:
        return None
    number = lengths[0]
    if len(lengths) > 1 or "," in number:
        number = _repeated(lengths)
    if not _is_length(number):
        raise FetchError(FailureKind.PROTOCOL, "Content-Length is not a single number")
    return int(number)


def _repeated(lengths: Iterable[str]) -> str:
    """The number that all of ``lengths`` say; another text if they differ."""
    numbers = [each.strip(" \t") for each in ",".join(lengths).split(",")]
    if all(map(_is_length, numbers)) and len(set(map(int, numbers))) == 1:
        return numbers[0]
    return ", ".join(numbers)


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def check_locations(locations: Collection[str]) -> None:
    """Raise FetchError for several different Locations: clients would follow different ones.

    Browsers and libcurl reject them too, whatever the status is.
    """
    if len(locations) > 1 and len(set(locations)) > 1:
        raise FetchError(FailureKind.PROTOCOL, "several different Location headers")


def check_trailer(name: str) -> None:
    """Raise FetchError for a trailer that is about the length of the body (RFC 9110, 6.5.1)."""
    if name == "content-length":
        raise FetchError(FailureKind.PROTOCOL, "Content-Length is a trailer")


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
