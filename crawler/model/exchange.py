"""One HTTP exchange: the request, its destination, the response and its timing."""

import math
from collections.abc import Callable
from typing import Literal

import msgspec

from crawler.model.errors import FetchError, SkipError

Headers = tuple[tuple[str, str], ...]
"""Header lines in order; names as sent for requests, in lower case for responses.

A character of a value is a byte (ISO 8859-1), whatever text the bytes mean (RFC 9110, 5.5).
"""


def values_of(headers: Headers, name: str) -> list[str]:
    """All values of header ``name`` (lower case) of a response, in order."""
    return [value for key, value in headers if key == name]


BODILESS = frozenset({204, 304})
"""Statuses whose answers have no body, whatever their headers say (RFC 9110 §6.4.1)."""
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
"""Methods of requests: all of RFC 9110 §9 but CONNECT and TRACE, and PATCH (RFC 5789)."""
IDEMPOTENT = frozenset(METHODS) - {"POST", "PATCH"}
"""Methods that do no more when they are repeated (RFC 9110 §9.2.2)."""
_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose content means something; without content they say that its length is 0."""


def host_and_port(host: str, port: int) -> str:
    """``host:port``; an IPv6 address gets its brackets."""
    return f"{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """``host`` as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


class Endpoint(msgspec.Struct, frozen=True):
    """The result of a look-up. Rules check ``address``; sockets use ``dial_host:dial_port``.

    The two differ only if the network is mocked. ``lookup_s`` is the time in seconds that this
    request waited for the look-up (0 if the cache had it). ``others`` are the further addresses of
    the host, in the order in which they are tried; engines connect to this one only.
    ``proxy_address`` is the address of the proxy that is dialled instead of the host, if any.
    """

    address: str
    dial_host: str
    dial_port: int
    lookup_s: float = 0.0
    others: "tuple[Endpoint, ...]" = ()
    proxy_address: str = ""


class Proxy(msgspec.Struct, frozen=True):
    """A proxy server. ``userinfo`` is ``user:password`` and is sent only to the proxy.

    If ``verify`` is False, the certificate of an https proxy is not verified.
    """

    scheme: Literal["http", "https", "socks5"]
    host: str
    port: int
    userinfo: str | None = None
    verify: bool = True

    @property
    def place(self) -> str:
        """``host:port``, for messages."""
        return host_and_port(self.host, self.port)


def unnoticed() -> None:
    """The default of ``Request.begun``."""


MAX_SITEMAP_BYTES = 52_428_800
"""Size of a sitemap (sitemaps.org protocol), as it is sent and after decompression."""


class Request(msgspec.Struct, frozen=True):
    """One HTTP exchange: ``method`` for ``url``, sent to ``endpoint``.

    ``url`` is canonical: ASCII, absolute, http or https, no userinfo, no fragment. ``headers`` are
    all headers except Host, Connection and Content-Length, in order. ``timeout`` is the total
    deadline in seconds. ``max_bytes`` bounds the body of the response as received (before content
    decoding); a larger one is a failure, or if ``cut``, only so much of it is read and returned. If
    ``proxy`` is set, it is at ``endpoint`` and looks up the host of ``url`` itself. The engine
    calls ``begun``, from any thread, when the response has begun: with its first byte, or at the
    latest after its head. If ``fresh``, it uses a new connection, and no kept one.
    ``connect_timeout`` is how many seconds the TCP handshake of a new connection may take, if that
    is less than ``timeout``.

    ``method`` is one of ``METHODS``; ``body`` is sent as it is, with ``content_length``. None means
    no body, and a HEAD has none. Raises ValueError for another method, or for a HEAD with a body.
    """

    url: str
    endpoint: Endpoint
    headers: Headers
    timeout: float
    max_bytes: int
    verify: bool = True
    proxy: Proxy | None = None
    begun: Callable[[], None] = unnoticed
    fresh: bool = False
    cut: bool = False
    connect_timeout: float = math.inf
    method: str = "GET"
    body: bytes | None = None

    def __post_init__(self) -> None:
        if self.method == "GET":
            return
        if self.method not in METHODS:
            raise ValueError(f"method {self.method!r} is not one of {', '.join(METHODS)}")
        if self.method == "HEAD" and self.body is not None:
            raise ValueError("a HEAD has no body (RFC 9110 §9.3.2)")

    @property
    def is_idempotent(self) -> bool:
        """Whether it may be sent again although the server may have acted on it (RFC 9110 §9.2.2).

        Another one is never repeated once it was sent, neither by us nor by a library.
        """
        return self.method in IDEMPOTENT

    @property
    def content_length(self) -> int | None:
        """The value of its Content-Length; None if it has no such header (RFC 9110 §8.6)."""
        if self.body is not None:
            return len(self.body)
        return 0 if self.method in _WITH_CONTENT else None

    def is_bodiless(self, status: int) -> bool:
        """Whether its answer with ``status`` has no body, whatever the headers say.

        Content-Length and Transfer-Encoding then tell what a GET would get (RFC 9110 §9.3.2).
        """
        return status in BODILESS or self.method == "HEAD"


class Timing(msgspec.Struct, frozen=True):
    """How one request spent its time, in seconds; ``dns + connect + tls + answer`` is I/O wait.

    ``connect`` is TCP's handshake, ``tls`` what follows until the request can be sent: CONNECT or
    SOCKS of a proxy, and TLS. Of both only the waits for the other side count.
    ``answer`` is the time from sending the request until the kernel has received the last byte of
    the response. ``buffered`` is how long that byte then waited in the kernel until we read it.
    ``first_byte`` and ``total`` count from the start of the fetch, by the library's clock or ours.
    ``method`` names what measured ``answer``. ``sure`` is False if the body was larger than the
    receive window: ``answer`` may then include time that we needed for reading; and if other
    addresses were tried before, whose waits our own clock measured: they are part of ``connect``.
    ``off`` is by how much ``answer`` may be wrong, if streams share a connection (HTTP/2).
    ``reused``: the connection was kept from an earlier request. ``resumed``: it is new, and its TLS
    handshake resumed an earlier session (RFC 8446, 2.2); False if the library does not say it.
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
    off: float = 0.0
    resumed: bool = False

    @property
    def io_wait(self) -> float:
        return self.dns + self.connect + self.tls + self.answer


class Response(msgspec.Struct, frozen=True):
    """A complete response. ``body`` is as sent: its Content-Encoding is not decoded."""

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
        return ", ".join(values_of(self.headers, name)) or None

    def header_lines(self, name: str) -> str | None:
        """All values of header ``name`` (lower case), one per line, or None."""
        return "\n".join(values_of(self.headers, name)) or None


FetchResult = Response | FetchError | SkipError
"""How a request ended: with an answer, with a failure, or not sent because a rule forbids it."""
