"""Subclasses of aiohttp's classes, for what aiohttp does not do itself.

A ``HookedConnection`` replaces aiohttp's protocol object. It reads the kernel's data about its
socket at every read and limits the bytes before and after a body. It also detects what aiohttp
takes for a complete response: a body without a length that ended with a reset or without a TLS
closing alert, and bytes that arrive on an idle connection.
"""

import asyncio
import functools
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, TypeAlias, cast
from weakref import WeakValueDictionary

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection as Lease
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDict

from crawler.engines.aiohttp_connect import CONNECTING
from crawler.engines.aiohttp_head import HeadFilter
from crawler.engines.aiohttp_hold import ExchangeHold
from crawler.engines.aiohttp_latin import LatinTransport
from crawler.engines.aiohttp_opening import OPENED, ORIGIN, OpeningSocket, Sockets
from crawler.engines.base import KEPT_SECONDS, MAX_HEADER_BYTES, EngineOptions
from crawler.engines.shared.kernel import TcpInfo, tcp_info
from crawler.engines.shared.messages import HEADERS_TOO_LARGE
from crawler.engines.shared.tls_sessions import TlsSessions
from crawler.model.body_budget import FREE_BYTES, BodyBudget
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import BODILESS

Message: TypeAlias = tuple[RawResponseMessage, StreamReader]

_CLOSING_TURNS = 16
FRESH = ContextVar("FRESH", default=False)
"""Whether the fetch of the running task uses a new connection."""


class WireExchange:
    """One request on a connection and its outcome. Times are monotonic seconds.

    ``info`` is the kernel's data at the last read, ``received`` the number of bytes received,
    ``first_byte`` and ``last_byte`` are their times. ``refused`` is why we ended it.
    """

    def __init__(
        self, connection: "HookedConnection", *, reused: bool, bodies: BodyBudget | None = None
    ) -> None:
        self.connection = connection
        self.hold = ExchangeHold(bodies)
        self.reused = reused
        self.sent = time.monotonic()
        self.first_byte = self.last_byte = 0.0
        self.received = 0
        self.info: TcpInfo | None = None
        self.refused: FetchError | None = None
        self.head = HeadFilter()
        self.body: StreamReader | None = None
        self._body_bytes = 0
        self._allowance = MAX_HEADER_BYTES

    @property
    def whole(self) -> bool:
        return self.body is not None and self.body.is_eof()

    def note(self, count: int, info: TcpInfo | None) -> None:
        """``count`` bytes were read from the socket."""
        self.info = info
        self.last_byte = time.monotonic()
        self.first_byte = self.first_byte or self.last_byte
        self.received += count
        self._allowance -= count

    def excessive(self) -> bool:
        """Whether more than ``MAX_HEADER_BYTES`` arrived since the body last grew."""
        if self.body is not None and self.body.total_bytes > self._body_bytes:
            self._body_bytes = self.body.total_bytes
            self._allowance = MAX_HEADER_BYTES
        return self._allowance < 0

    def cut_off(self, reason: str) -> None:
        """Fail the body. aiohttp accepts any end of a body without a length."""
        if self.body is not None and not self.body.is_eof():
            self.body.set_exception(aiohttp.ClientPayloadError(reason))


class HookedConnection(ResponseHandler):
    """One connection, for one request at a time.

    ``waits`` are the seconds that its opening waited for TCP, and then for a proxy and TLS, which
    may have ``resumed`` a session;
    ``lost`` is the error that the transport reported at the end. ``key`` says where it leads, as
    soon as it has been kept.
    """

    exchange: WireExchange | None = None
    lost: BaseException | None = None
    key: ConnectionKey | None = None
    waits = (0.0, 0.0)
    resumed = False
    _clean_end = False
    _tls: ssl.SSLObject | None = None

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: Sockets,
        forget: Callable[["HookedConnection"], None],
        bodies: BodyBudget | None = None,
    ) -> None:
        super().__init__(loop)
        self._bodies = bodies
        self._dialled = time.monotonic()
        self._sockets = sockets
        self._forget = forget

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # uvloop's own socket object duplicates the descriptor at every call.
        self._sock = self._sockets.get(transport.get_extra_info("socket").fileno())
        self._readable = select.poll()
        if self._sock is not None:
            self._readable.register(self._sock, select.POLLIN)
            self.waits = self._sock.opened(self._dialled)
        self._tls = transport.get_extra_info("ssl_object")
        self.resumed = self._tls is not None and bool(self._tls.session_reused)

    @contextmanager
    def in_latin_1(self) -> Iterator[None]:
        """During the context, the head of a request is sent with one byte for each character."""
        transport = self.transport
        self.transport = cast("asyncio.Transport", LatinTransport(cast("Any", transport)))
        try:
            yield
        finally:
            if self.transport is not None:  # None: the connection was lost
                self.transport = transport

    def is_connected(self) -> bool:
        """Whether it can be reused; asks the socket, as the loop may learn of an end later."""
        return super().is_connected() and not self._ended()

    def _ended(self) -> bool:
        if self._sock is None or not self._readable.poll(0):
            return False
        try:
            waiting = self._sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return True
        return not (waiting and self._tls)  # session tickets may wait there

    def _tcp_info(self) -> TcpInfo | None:
        return None if self._sock is None else tcp_info(self._sock)

    def set_response_params(self, **params: Any) -> None:
        """Begin an exchange: aiohttp calls this right before it sends a request."""
        reused = self.exchange is not None
        self.exchange = WireExchange(self, reused=reused, bodies=self._bodies)
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None or not data:  # too early, or aiohttp parses stored data
            super().data_received(data)
        elif exchange.whole:
            self._refuse("bytes after the end of the response")
        else:
            exchange.note(len(data), self._tcp_info())
            self._pass_on(exchange, data)
            self._check(exchange)
            if exchange.received > FREE_BYTES and exchange.body is not None:
                self._hold_back(exchange)

    def _pass_on(self, exchange: WireExchange, data: bytes) -> None:
        """Pass the head on by itself: what llhttp rejects after it is not a part of it."""
        if exchange.body is None:
            try:
                head, data = exchange.head.take(data)
            except FetchError as error:
                self._refuse(error.message)
                return
            if head:
                super().data_received(head)
        if exchange.whole and data:
            self._refuse("bytes after the end of the response")
        elif exchange.body is not None and data:
            super().data_received(data)

    def _hold_back(self, exchange: WireExchange) -> None:
        """Stop to read if there is no room. After the last byte the connection is not ours."""
        if not exchange.whole and not exchange.hold.grew(exchange.received, self.resume_reading):
            self.pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Read on, unless the body is held back: aiohttp knows only its own buffer."""
        if self.exchange is None or not self.exchange.hold.is_held:
            super().resume_reading(resume_parser)

    def _check(self, exchange: WireExchange) -> None:
        if exchange.excessive():
            self._refuse(HEADERS_TOO_LARGE)
        elif self.exception() is not None and exchange.body is not None:
            self._refuse("malformed chunks in the body")

    def _refuse(self, message: str) -> None:
        if self.exchange is not None and not self.exchange.whole:
            self.exchange.refused = FetchError(FailureKind.PROTOCOL, message)
            self.exchange.cut_off(message)
        if self.transport is not None:
            self.transport.abort()

    def feed_data(self, data: Message, size: int = 0) -> None:
        """Receive a parsed head."""
        message, body = data
        if self.exchange is None or self.exchange.body is not None:
            self._refuse("a second response")
        else:
            if message.code in BODILESS and _announces_body(message):
                self.force_close()
            self.exchange.body = body
            super().feed_data(data, size)

    def eof_received(self) -> None:
        """Note a clean end: FIN, or for TLS the closing alert (RFC 8446, 6.1)."""
        self._clean_end = True
        super().eof_received()

    def close(self) -> None:
        """Close immediately: a clean TLS close would wait 30 s for the server's closing alert."""
        self.abort()

    def keep_session(self) -> None:
        """The connection was lost, and others may follow."""
        if self._sock is not None and self._tls is not None:
            self._sock.keep_session(self._tls)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = exc
        if not self._clean_end and self.exchange is not None:
            self.exchange.cut_off(str(exc or "no closing alert"))
        if self.exchange is not None:
            self.exchange.hold.end()
        super().connection_lost(exc)
        self._forget(self)


def _announces_body(message: RawResponseMessage) -> bool:
    """Whether a bodiless head declares a body; some servers then send one (RFC 9112, 6)."""
    return message.chunked or (
        message.code == HTTPStatus.NO_CONTENT and hdrs.CONTENT_LENGTH in message.headers
    )


class BareRequest(aiohttp.ClientRequest):
    """A request that sends exactly its given headers."""

    # aiohttp would give every DELETE a Content-Length, and every body a Content-Type.
    GET_METHODS = aiohttp.ClientRequest.GET_METHODS | {hdrs.METH_DELETE}
    _skip_auto_headers = CIMultiDict({hdrs.CONTENT_TYPE: None})

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Add nothing: no User-Agent, no Accept, no Accept-Encoding."""

    async def send(self, conn: Lease) -> aiohttp.ClientResponse:
        """Send the head, in which each character is a byte; aiohttp itself would send UTF-8."""
        if "".join(self.headers.values()).isascii():
            return await super().send(conn)
        with cast("HookedConnection", conn.protocol).in_latin_1():
            answer = await super().send(conn)
            writer = answer._stream_writer  # noqa: SLF001 - there is one if a body follows
            if writer is not None:
                writer.send_headers()
            return answer


class HookedResponse(aiohttp.ClientResponse):
    """A response that keeps its exchange: aiohttp drops the connection after the last byte."""

    exchange: WireExchange

    async def start(self, connection: Lease) -> aiohttp.ClientResponse:
        self.exchange = cast("WireExchange", cast("HookedConnection", connection.protocol).exchange)
        return await super().start(connection)


class NoResolver(AbstractResolver):
    """Never used: aiohttp gets only addresses, so there is nothing to look up."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        raise OSError(f"{host} is not an address")

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class HookedConnector(aiohttp.TCPConnector):
    """Creates ``HookedConnection`` objects, and limits how many are open.

    aiohttp itself limits only those that are in use. It keeps the others in ``_conns``, by key.
    """

    def __init__(self, options: EngineOptions) -> None:
        self._sockets: Sockets = WeakValueDictionary()
        self._sessions = TlsSessions()
        self._most = max(options.concurrency, options.connections)
        super().__init__(
            limit=options.concurrency,
            keepalive_timeout=KEPT_SECONDS,
            resolver=NoResolver(),
            socket_factory=self._open,
        )
        factory = functools.partial(
            HookedConnection, self._loop, self._sockets, self._forget, options.bodies
        )
        self._factory = cast("functools.partial[ResponseHandler]", factory)

    async def _get(self, key: ConnectionKey, traces: list[Any]) -> Lease | None:
        return None if FRESH.get() else await super()._get(key, traces)

    def _release(
        self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False
    ) -> None:
        cast("HookedConnection", protocol).key = key
        super()._release(key, protocol, should_close=should_close)

    def _forget(self, lost: HookedConnection) -> None:
        """Drop a kept connection that was closed; aiohttp would drop it at the next request."""
        if not self.closed:
            lost.keep_session()
        if lost.key is not None and lost.key in self._conns:
            kept = self._conns[lost.key]
            self._keep(lost.key, [each for each in kept if each[0] is not lost])

    def _keep(self, key: ConnectionKey, connections: list[tuple[ResponseHandler, float]]) -> None:
        """Keep only these connections of ``key``."""
        if connections:
            self._conns[key] = deque(connections)
        else:
            del self._conns[key]

    def _make_room(self) -> None:
        """Close the connection that was kept first, if another one would be too many."""
        if len(self._sockets) >= self._most and self._conns:
            key, ((oldest, _), *others) = next(iter(self._conns.items()))
            self._keep(key, others)
            oldest.close()

    def _open(self, address: tuple[Any, ...]) -> socket.socket:
        self._make_room()
        family, kind, protocol = address[:3]
        sock = OpeningSocket(family, kind, protocol, ORIGIN.get(), self._sessions)
        self._sockets[sock.fileno()] = sock
        OPENED.set(sock)
        limit = CONNECTING.get()
        if limit is not None:
            limit.opened(sock)
        return sock

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close everything and wait for it: the loop closes sockets some iterations later."""
        await super().close(abort_ssl=abort_ssl)
        for _ in range(_CLOSING_TURNS):
            if all(sock.fileno() < 0 for sock in self._sockets.values()):
                break
            await asyncio.sleep(0)
