"""Parses the head of a response as RFC 9112 writes it, for every engine the same.

A head that two recipients can read differently is rejected: see ``framing``. Lenient is only what
the standard allows to clients: lines that end with a bare LF (2.2), values of several lines (5.2)
and any bytes in the reason (4).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers

MAX_LINE_BYTES = 100 * 1024
"""Limit for one line of a head; libcurl has it, so every engine has it."""
MAX_LINES = 5_000
"""Limit for the header lines of a head, also libcurl's."""
TOO_LONG_LINE = f"a header line of more than {MAX_LINE_BYTES:,} bytes"
TOO_MANY_LINES = f"more than {MAX_LINES:,} header lines"
MAX_INTERIM = 100
"""Limit for 1xx responses before the final one."""
FIELD_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""A header name, as a regular expression (RFC 9110, 5.6.2): no spaces, only ASCII letters."""

_BEGINNING = b"HTTP/1."
_STATUS = re.compile(rb"HTTP/(1\.[01]) ([0-9]{3})(?: .*)?")
_NAME = re.compile(FIELD_NAME.encode())
# Begins only where blanks begin, and is possessive: long blanks are read once.
_FOLD = re.compile(rb"(?<![ \t])(?:[ \t]*+\n[ \t]++)+")
_BREAKS = re.compile(rb"[\0\r]")


class Head(NamedTuple):
    """``version`` is ``1.0`` or ``1.1``; the names of ``headers`` are in lower case."""

    version: str
    status: int
    headers: Headers


def parse_head(raw: bytes) -> Head:
    """Parse a head from its status line to its blank line. Raises FetchError (protocol)."""
    text = raw.replace(b"\r\n", b"\n")
    if _BREAKS.search(text):
        raise _malformed("a header line contains NUL or a bare CR")
    first, _, rest = text.partition(b"\n")
    found = _STATUS.fullmatch(first)
    if found is None:
        raise not_http(first)
    if rest[:1] in (b" ", b"\t"):
        raise _malformed("malformed header line")
    _check_size(text)
    if b"\n " in rest or b"\n\t" in rest:
        rest = _FOLD.sub(b" ", rest)
    lines = rest.split(b"\n")[:-2]
    if len(lines) > MAX_LINES:
        raise _malformed(TOO_MANY_LINES)
    return Head(found[1].decode(), int(found[2]), tuple([parse_line(line) for line in lines]))


@lru_cache(maxsize=512)  # of up to 100 KB each
def parse_line(line: bytes) -> tuple[str, str]:
    """Parse one header line, in which folds are spaces, to name and value.

    Raises FetchError. Cached, because most lines are the same for every page of a server.
    """
    name, colon, value = line.partition(b":")
    if not colon or not _NAME.fullmatch(name):
        raise _malformed("malformed header line")
    return name.decode("ascii").lower(), value.decode("latin-1").strip(" \t\r\n")


def check_beginning(received: bytes | bytearray) -> None:
    """Raise FetchError if ``received`` cannot become a head: there may be no line that ends."""
    if not received.startswith(_BEGINNING[: len(received)]):
        raise not_http(bytes(received[:100]))


def _check_size(text: bytes) -> None:
    if len(text) >= MAX_LINE_BYTES and max(map(len, text.split(b"\n"))) >= MAX_LINE_BYTES:
        raise _malformed(TOO_LONG_LINE)


def count_interim(status: int, before: int) -> int:
    """Return the number of 1xx responses with this one, after ``before`` others.

    Raises FetchError if no response follows this one, or if it is one too many.
    """
    if status < 100 or status == 101:
        raise _malformed(f"status {status:03} is not a final status")
    if before == MAX_INTERIM:
        raise _malformed(f"more than {MAX_INTERIM} interim responses")
    return before + 1


def not_http(line: bytes) -> FetchError:
    """The failure for a response that begins with ``line``."""
    return _malformed(f"not an HTTP/1 response: {line[:60]!r}")


def _malformed(message: str) -> FetchError:
    return FetchError(FailureKind.PROTOCOL, message)
