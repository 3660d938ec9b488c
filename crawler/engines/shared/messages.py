"""Error messages for exceeded limits of a request, the same for all engines."""

from crawler.engines.base import MAX_HEADER_BYTES
from crawler.model.exchange import Request

HEADERS_TOO_LARGE = f"more than {MAX_HEADER_BYTES:,} bytes of headers"


def timed_out(request: Request) -> str:
    # A look-up may have used a part of the timeout, so what is left is rounded.
    return f"no complete response within {max(round(request.timeout, 2), 0.01):g} s"


def not_connected(request: Request) -> str:
    return f"no connection within {round(request.connect_timeout, 2):g} s"


def too_large(request: Request) -> str:
    return f"the body is larger than {request.max_bytes:,} bytes"
