"""The bytes of a request."""

import re
from functools import lru_cache

from crawler.engines.shared.framing import check_lines
from crawler.engines.shared.proxying import basic
from crawler.engines.shared.target import Target
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers, Request

_CONTROL = re.compile(r"[\0-\x20\x7f]")


def request_head(request: Request, target: Target) -> bytes:
    """Its head, for the host or for a proxy that forwards it. Raises FetchError and ValueError."""
    if _CONTROL.search(request.url):
        raise FetchError(FailureKind.URL, "the URL contains a control character")
    wanted, login = target.path, ""
    if request.proxy is not None and target.scheme == "http":
        wanted = request.url
        if request.proxy.userinfo is not None:
            login = f"Proxy-Authorization: {basic(request.proxy.userinfo)}\r\n"
    first = f"{request.method} {wanted} HTTP/1.1\r\nHost: {target.authority}\r\n"
    length = request.content_length
    more = login if length is None else f"{login}Content-Length: {length}\r\n"
    return f"{first}{_lines(request.headers)}{more}\r\n".encode("latin-1")


@lru_cache(maxsize=64)
def _lines(headers: Headers) -> str:
    """Cached, because most requests have the same headers."""
    check_lines(headers)
    return "".join([f"{name}: {value}\r\n" for name, value in headers])
