"""Headers as libcurl takes and gives them."""

from crawler.engines.shared.framing import check_lines
from crawler.engines.shared.heads import parse_line
from crawler.model.exchange import Headers

RequestLines = list[str | bytes]
"""Lines of a request. pycurl accepts text only in ASCII."""


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
    return tuple([parse_line(line) for line in lines[1:-1]])
