"""The contract of a fetch engine. One request in, one whole response or one FetchError out.

An engine never retries, follows a redirect, waits for politeness, keeps a cookie, reads robots.txt,
decodes a Content-Encoding, or obeys proxies from the environment and ``.netrc``: that is done
once, outside, the same for all, so that to compare engines compares engines. It

* connects to ``request.endpoint.dial_host:dial_port``; SNI, Host and certificate verification stay
  with the name in ``request.url``; with ``request.proxy`` the proxy is there, and is asked by
  absolute URL for http, by CONNECT for https (RFC 9110, 9.3.6), or in SOCKS 5 (RFC 1928) by name;
  its login goes to the proxy alone, and into a tunnel goes nothing but the request;
* sends exactly ``request.headers`` besides Host (and Connection), what its library cannot do
  otherwise is said in ``capabilities``;
* holds ``request.timeout`` as a total deadline and ``request.max_bytes`` as a bound on the body,
  whatever the server does, and bounds the header block (256 KiB) and the number of 1xx responses;
* raises only ``FetchError``; a truncated body is never a success;
* stays usable after a fetch was cancelled, and leaves nothing open once it is closed.
"""

from typing import Protocol, Self

import msgspec

from crawler.model.exchange import Request, Response

MAX_HEADER_BYTES = 256 * 1024
"""Bound on everything that comes before a body: status lines, headers, 1xx responses."""


class Capabilities(msgspec.Struct, frozen=True):
    """What an engine can do, as data: printed by ``crawler engines``, named beside a comparison."""

    name: str
    summary: str
    library: str
    """Library and version, e.g. ``libcurl 8.23.0``."""
    keep_alive: bool
    http2: bool
    own_threads: bool
    """It computes on threads besides the loop's; their CPU counts as fetch CPU too."""
    max_concurrency: int | None = None
    proxies: tuple[str, ...] = ()
    """Schemes of the proxies it can ask: of ``http``, ``https`` and ``socks5``."""
    notes: tuple[str, ...] = ()
    """Where it cannot do what the others do, a sentence each."""


class EngineOptions(msgspec.Struct, frozen=True):
    """What an engine is built with. ``ca_file`` is a PEM bundle; None means certifi's."""

    concurrency: int
    http2: bool = False
    ca_file: str | None = None


class Engine(Protocol):
    """An async context manager; enter, fetch and leave it on one running loop."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def fetch(self, request: Request) -> Response:
        """Raises FetchError."""
        ...
