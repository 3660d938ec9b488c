"""Headers as libcurl takes and gives them."""

import re
from functools import lru_cache

from crawler.engines.shared.framing import check_lines
from crawler.engines.shared.heads import parse_line
from crawler.model.exchange import Headers

RequestLines = list[str | bytes]
"""Lines of a request. pycurl accepts text only in ASCII."""

_STATUS = re.compile(rb"HTTP/(1\.[01]) (\d{3})[ \r\n]")
_STATUS_OR_2 = re.compile(rb"HTTP/(1\.[01]|2) (\d{3})[ \r\n]")


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


@lru_cache(maxsize=64)  # of up to 100 KB each
def parse_status(line: bytes, *, http2: bool) -> tuple[str, int] | None:
    """Return the version, ``1.0``, ``1.1`` or ``2``, and the status; None if there is none.

    libcurl itself would also accept an HTTP/2 status line on an HTTP/1 connection. Cached, because
    few lines differ.
    """
    found = (_STATUS_OR_2 if http2 else _STATUS).match(line)
    return None if found is None else (found[1].decode(), int(found[2]))


def parse_headers(lines: list[bytes]) -> Headers:
    """Parse the lines of a head, from status line to blank line; names in lower case.

    Raises FetchError for an invalid name: libcurl passes such lines on but may ignore them.
    """
    return tuple([parse_line(line) for line in lines[1:-1]])
