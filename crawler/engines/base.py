"""The contract of a fetch engine: it takes one request and returns one complete response.

An engine does not retry, follow redirects, wait for politeness, keep cookies, read robots.txt,
decode a Content-Encoding, or read proxies and logins from the environment or ``.netrc``. The
crawler does these things in one place for all engines, so that a comparison of engines compares
only engines. An engine

* connects to ``request.endpoint.dial_host:dial_port``; SNI, Host and certificate verification use
  the host name in ``request.url``. If ``request.proxy`` is set, the endpoint is the proxy: the
  engine sends it absolute URLs for http, CONNECT for https (RFC 9110, 9.3.6), or host names in
  SOCKS 5 (RFC 1928). The proxy's login goes only to the proxy; a tunnel carries only the request;
* sends exactly ``request.method``, ``request.headers`` and ``request.body``, plus Host, Connection,
  and Content-Length if ``request.content_length`` is not None (RFC 9110, 8.6): no Content-Type and
  no ``Expect`` of its library, and no chunks; ``capabilities`` names every deviation that its
  library forces. The answer to a HEAD has no body, whatever its head says. A server may answer
  before it has the whole body, and close the connection: then that is the answer, if the library
  can still read it;
* may keep connections and use them again: ``options.connections`` limits how many are open, and
  ``KEPT_SECONDS`` how long one waits for a request. If a kept one dies it raises the error, and
  does not send the request again. The error has ``reused=True``, so that the crawler does, but only
  if the request ``is_idempotent`` or nothing of it was sent. If ``request.fresh``, it uses a new
  connection;
* may resume TLS sessions of closed connections: only for the same host, port and verification;
* enforces ``request.timeout`` as a total deadline and ``request.max_bytes`` as a limit for the
  body, whatever the server does, and limits the header block (256 KiB) and the number of 1xx
  responses (``shared/heads.py``). If ``request.cut``, it returns the first ``max_bytes`` of a
  larger body, and reads no more of it;
* gives up a TCP handshake after ``request.connect_timeout``; an error before there is a connection
  has ``connected=False``, and then the crawler tries the next address of the host;
* calls ``request.begun`` when the response has begun, at the latest after its head;
* stops to read a large body while ``options.bodies`` holds it back, if ``capabilities`` say
  ``holds_bodies``. That time counts neither for the deadline nor for ``Timing.answer``;
* raises only ``FetchError``; a truncated body is never a success;
* stays usable after a fetch was cancelled, leaves nothing open after it was closed, and can be
  entered again then.

``crawler.testing.contract`` has a test for each of these clauses.
"""

from collections.abc import Callable
from typing import Protocol, Self, TypeGuard

import msgspec

from crawler.model.body_budget import BodyBudget
from crawler.model.exchange import Request, Response

MAX_HEADER_BYTES = 256 * 1024
"""Limit for everything before a body: status lines, headers, 1xx responses."""
CONNECTIONS = 2_000
"""Connections that an engine may have open, if there are file descriptors for them.

An idle one costs about 90 KB with TLS and 3 to 13 KB without, whatever the engine: 180 MB in all.
"""
KEPT_SECONDS = 118.0
"""How long an engine keeps a connection without a request; after that it may have died silently."""


class Capabilities(msgspec.Struct, frozen=True):
    """What an engine can do. ``crawler engines`` and comparison reports show it."""

    name: str
    summary: str
    library: str
    """Library and version, e.g. ``libcurl 8.23.0``."""
    keep_alive: bool
    http2: bool
    own_threads: bool
    """It also uses CPU on its own threads; that counts as fetch CPU."""
    max_concurrency: int | None = None
    proxies: tuple[str, ...] = ()
    """Schemes of the proxies it supports: of ``http``, ``https`` and ``socks5``."""
    notes: tuple[str, ...] = ()
    """Its limitations compared with other engines, one sentence each."""
    holds_bodies: bool = False
    """It obeys ``EngineOptions.bodies``, so that large bodies cannot fill the memory."""


class EngineOptions(msgspec.Struct, frozen=True):
    """Constructor options of an engine. ``ca_file`` is a PEM bundle; None means certifi's.

    ``connections`` is the maximum number of open connections, with and without a request. It is
    at least ``concurrency``. ``bodies`` is the budget of bytes for all bodies that arrive; None
    means no limit.
    """

    concurrency: int
    http2: bool = False
    ca_file: str | None = None
    connections: int = CONNECTIONS
    bodies: BodyBudget | None = None


class Engine(Protocol):
    """An async context manager. Enter it, fetch and leave it on the same running event loop."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def fetch(self, request: Request) -> Response:
        """Send ``request`` and return its response. Raises FetchError."""
        ...


MakeEngine = Callable[[EngineOptions], Engine]
"""Creates an engine: its class, or a function."""
EngineChoice = str | Engine | MakeEngine
"""What the option ``engine`` accepts: a name, an engine, or what creates one."""


def is_engine(value: object) -> TypeGuard[Engine]:
    """Whether ``value`` is an engine, and not a class of engines."""
    methods = ("__aenter__", "__aexit__", "fetch")
    return (
        not isinstance(value, type)
        and all(callable(getattr(value, name, None)) for name in methods)
        and isinstance(getattr(value, "capabilities", None), Capabilities)
    )
