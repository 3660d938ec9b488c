"""One exchange on the wire: what is sent, where to, what came back and how long it took."""

from typing import Literal

import msgspec

from crawler.model.errors import FetchError, SkipError

Headers = tuple[tuple[str, str], ...]
"""Header lines in order; names as sent for requests, in lower case for responses."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where a host name leads. Rules judge ``address``; the socket goes to ``dial_host:dial_port``.

    They differ only where the network is mocked. ``lookup_s`` is what the look-up cost this request
    (0 from the cache).
    """

    address: str
    dial_host: str
    dial_port: int
    lookup_s: float = 0.0


class Proxy(msgspec.Struct, frozen=True):
    """Who is asked to ask others. ``userinfo`` is ``user:password``, for the proxy alone.

    With ``verify`` False the certificate of an https proxy is not looked at.
    """

    scheme: Literal["http", "https", "socks5"]
    host: str
    port: int
    userinfo: str | None = None
    verify: bool = True

    @property
    def place(self) -> str:
        """``host:port``, for a message."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Request(msgspec.Struct, frozen=True):
    """One exchange on the wire: a GET of ``url`` sent to ``endpoint``.

    ``url`` is canonical: ASCII, absolute, http or https, no userinfo, no fragment. ``headers`` are
    all headers but Host and Connection, in order. ``timeout`` is the total deadline of this
    exchange, ``max_bytes`` bounds the body as it comes (before content decoding). With ``proxy``
    that is who answers at ``endpoint``, and looks up the host of ``url`` itself.
    """

    url: str
    endpoint: Endpoint
    headers: Headers
    timeout: float
    max_bytes: int
    verify: bool = True
    proxy: Proxy | None = None


class Timing(msgspec.Struct, frozen=True):
    """Where one request spent its time; ``dns + connect + tls + answer`` is its I/O wait.

    ``answer`` runs from the request leaving to the last byte of the answer arriving in the kernel,
    ``buffered`` is how long that last byte then lay there before we took it. ``first_byte`` and
    ``total`` run from the start of the fetch, by the library's clock or ours. ``method`` says who
    measured ``answer``; ``sure`` is False where the body was larger than the receive window, so
    that the wait may contain our own reading.
    """

    connect: float = 0.0
    tls: float = 0.0
    answer: float = 0.0
    first_byte: float = 0.0
    buffered: float = 0.0
    total: float = 0.0
    dns: float = 0.0
    reused: bool = False
    method: Literal["kernel", "library"] = "library"
    sure: bool = True

    @property
    def io_wait(self) -> float:
        return self.dns + self.connect + self.tls + self.answer


class Response(msgspec.Struct, frozen=True):
    """What came back, whole: ``body`` is as sent, its Content-Encoding not undone."""

    status: int
    headers: Headers
    body: bytes
    timing: Timing
    http_version: str = "1.1"

    def header(self, name: str) -> str | None:
        """First value of header ``name`` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def header_list(self, name: str) -> str | None:
        """All values of header ``name`` (lower case) as one list (RFC 9110, 5.3), or None."""
        return ", ".join(value for key, value in self.headers if key == name) or None


FetchResult = Response | FetchError | SkipError
"""How a request ended: with an answer, with a failure, or not sent because a rule forbids it."""
