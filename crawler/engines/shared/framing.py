"""What a head must be like to be one head, and its body to have one end; for every engine.

Where two recipients could read an answer differently, the bytes of one could pass for another's
(RFC 9112, 11.1 and 11.2): such answers are refused, whatever the library would make of them.
"""

import re
from collections.abc import Collection

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers

_LINE_END = re.compile(r"[\0\r\n]")
_LENGTH = re.compile(r"[0-9]{1,18}")
FIELD_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""A header's name, as a regular expression (RFC 9110, 5.6.2): no blanks, no letters past ASCII."""


def check_lines(headers: Headers) -> None:
    """Raise FetchError for a header that would be more than its line (RFC 9110, 5.5).

    The libraries send it, or show its value, which may be a secret.
    """
    if any(_LINE_END.search(text) for line in headers for text in line):
        raise FetchError(FailureKind.PROTOCOL, "NUL, CR or LF in a header to be sent")


def body_length(lengths: Collection[str], codings: Collection[str]) -> int | None:
    """Bytes of the body by the values of Content-Length and Transfer-Encoding; None: not said.

    Raises FetchError unless it is one number, chunked, or neither (RFC 9112, 6.3; a number said
    twice is still one, a list of them is not).
    """
    if codings:
        if [coding.lower() for coding in codings] != ["chunked"]:
            raise FetchError(FailureKind.PROTOCOL, "Transfer-Encoding other than chunked")
        if lengths:
            raise FetchError(FailureKind.PROTOCOL, "both Transfer-Encoding and Content-Length")
        return None
    if not lengths:
        return None
    said, *others = set(lengths)
    if others or not _LENGTH.fullmatch(said):
        raise FetchError(FailureKind.PROTOCOL, "Content-Length is no one number")
    return int(said)


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
"""Names of headers that belong to the connection (RFC 9110, 7.6.1) or to the request line."""
