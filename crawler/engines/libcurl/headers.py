"""Headers as libcurl takes and gives them."""

import re
from functools import lru_cache

from crawler.engines.shared.framing import FIELD_NAME, check_lines
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers

RequestLines = list[str | bytes]
"""Lines of a request. pycurl accepts text only in ASCII."""
_NAME = re.compile(FIELD_NAME.encode())


def header_lines(headers: Headers) -> RequestLines:
    """Return the value of HTTPHEADER: exactly ``headers``, with libcurl's own defaults removed.

    Raises FetchError for a header that cannot be sent.
    """
    check_lines(headers)
    names = {name.lower() for name, _ in headers}
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in headers]
    own = ("Accept", "User-Agent", "Proxy-Connection")
    lines += [f"{name}:" for name in own if name.lower() not in names]
    return [line if line.isascii() else line.encode("latin-1") for line in lines]


def parse_headers(lines: list[bytes]) -> Headers:
    """Parse the lines of a head, from status line to blank line; names in lower case.

    Raises FetchError for an invalid name: libcurl passes such lines on but may ignore them.
    """
    return tuple([_parse_header(line) for line in lines[1:-1]])


@lru_cache(maxsize=4096)
def _parse_header(line: bytes) -> tuple[str, str]:
    """Cached, because most lines are the same for every page of a server."""
    name, colon, value = line.partition(b":")
    if not colon or not _NAME.fullmatch(name):
        raise FetchError(FailureKind.PROTOCOL, "malformed header line")
    return name.decode("ascii").lower(), value.decode("latin-1").strip(" \t\r\n")
