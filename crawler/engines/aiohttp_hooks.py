"""What aiohttp does not do by itself, hooked in where it calls out.

A ``HookedConnection`` stands in the place of aiohttp's protocol object. It asks the kernel about
its socket at every read, bounds what comes before and behind a body, and notices what aiohttp takes
for a whole answer: a body without a length that a reset or a TLS end without closing alert cut off,
and bytes that nobody asked for on a connection kept for the next request.
"""

import asyncio
import functools
import select
import socket
import ssl
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, TypeAlias, cast
from weakref import WeakValueDictionary

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection as Lease
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from crawler.engines.base import MAX_HEADER_BYTES
from crawler.engines.shared.kernel import TcpInfo, connect_wait, tcp_info
from crawler.model.errors import FailureKind, FetchError

Message: TypeAlias = tuple[RawResponseMessage, StreamReader]
Sockets: TypeAlias = WeakValueDictionary[int, socket.socket]

BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
"""Statuses without a body, whatever the head says (RFC 9112, 6.3)."""
_CLOSING_TURNS = 16


class Handshake(ssl.SSLObject):
    """Remembers when the TLS handshake began: ``begun``, monotonic seconds."""

    begun: float | None = None

    def do_handshake(self) -> None:
        if self.begun is None:
            self.begun = time.monotonic()
        super().do_handshake()


class WireExchange:
    """One request on a connection and what came of it. Times are monotonic seconds.

    ``info`` is what the kernel said when the last bytes were taken, ``received`` how many bytes
    came, ``first_byte`` and ``last_byte`` when. ``refused`` is why we ended it.
    """

    def __init__(self, connection: "HookedConnection", *, reused: bool) -> None:
        self.connection = connection
        self.reused = reused
        self.sent = time.monotonic()
        self.first_byte = self.last_byte = 0.0
        self.received = 0
        self.info: TcpInfo | None = None
        self.refused: FetchError | None = None
        self.body: StreamReader | None = None
        self._body_bytes = 0
        self._allowance = MAX_HEADER_BYTES

    @property
    def whole(self) -> bool:
        return self.body is not None and self.body.is_eof()

    def note(self, count: int, info: TcpInfo | None) -> None:
        """``count`` bytes were taken from the socket."""
        self.info = info
        self.last_byte = time.monotonic()
        self.first_byte = self.first_byte or self.last_byte
        self.received += count
        self._allowance -= count

    def excessive(self) -> bool:
        """Whether more came since the body last grew than heads and trailers may be long."""
        if self.body is not None and self.body.total_bytes > self._body_bytes:
            self._body_bytes = self.body.total_bytes
            self._allowance = MAX_HEADER_BYTES
        return self._allowance < 0

    def cut_off(self, reason: str) -> None:
        """Fail the body. Without a length aiohttp takes its end for good, however it came."""
        if self.body is not None and not self.body.is_eof():
            self.body.set_exception(aiohttp.ClientPayloadError(reason))


class HookedConnection(ResponseHandler):
    """One connection, for one request after the other.

    ``dialled`` is when TCP stood (monotonic seconds), ``tls`` how many seconds TLS waited then,
    ``lost`` what the transport reported when the connection ended.
    """

    exchange: WireExchange | None = None
    lost: BaseException | None = None
    tls = 0.0
    _farewell = False

    def __init__(self, loop: asyncio.AbstractEventLoop, sockets: Sockets) -> None:
        super().__init__(loop)
        self.dialled = time.monotonic()
        self._sockets = sockets

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # uvloop's own view of the socket copies the descriptor at every question.
        self._sock = self._sockets.get(transport.get_extra_info("socket").fileno())
        self._readable = select.poll()
        if self._sock is not None:
            self._readable.register(self._sock, select.POLLIN)
        self._handshake = self._ask()
        secured = transport.get_extra_info("ssl_object")
        self._secure = secured is not None
        if secured is not None:
            self.tls = self._tls_wait(secured)

    def is_connected(self) -> bool:
        """Whether the connection can be used again: the loop may not yet know that it ended."""
        return super().is_connected() and not self._ended()

    def _ended(self) -> bool:
        if self._sock is None or not self._readable.poll(0):
            return False
        try:
            waiting = self._sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return True
        return not (waiting and self._secure)  # session tickets may wait there

    def _tls_wait(self, secured: Handshake) -> float:
        lag = self._handshake.received_ago if self._handshake else 0.0
        return max(0.0, time.monotonic() - (secured.begun or self.dialled) - lag)

    def _ask(self) -> TcpInfo | None:
        return None if self._sock is None else tcp_info(self._sock)

    def connect_wait(self, started: float) -> float:
        """Seconds the TCP handshake took, for the fetch that began at ``started`` and made it."""
        return connect_wait(self.dialled - started, self._handshake)

    def set_response_params(self, **params: Any) -> None:
        """Begin an exchange: aiohttp calls this right before it sends a request."""
        self.exchange = WireExchange(self, reused=self.exchange is not None)
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None or not data:  # too early, or aiohttp goes on with what it put aside
            super().data_received(data)
        elif exchange.whole:
            self._refuse("bytes behind the end of the answer")
        else:
            exchange.note(len(data), self._ask())
            super().data_received(data)
            self._check(exchange)

    def _check(self, exchange: WireExchange) -> None:
        if exchange.excessive():
            self._refuse(f"over {MAX_HEADER_BYTES:,} bytes of headers")
        elif self.exception() is not None and exchange.body is not None:
            self._refuse("malformed chunks in the body")

    def _refuse(self, message: str) -> None:
        if self.exchange is not None and not self.exchange.whole:
            self.exchange.refused = FetchError(FailureKind.PROTOCOL, message)
            self.exchange.cut_off(message)
        if self.transport is not None:
            self.transport.abort()

    def feed_data(self, data: Message, size: int = 0) -> None:
        """Take a parsed head. Every 1xx is dropped at once: a flood of them would pile up."""
        message, body = data
        if self.exchange is None or self.exchange.body is not None:
            self._refuse("a second answer")
        elif not 100 <= message.code < 200 or message.code == HTTPStatus.SWITCHING_PROTOCOLS:
            if message.code in BODILESS and _announces_body(message):
                self.force_close()
            self.exchange.body = body
            super().feed_data(data, size)

    def eof_received(self) -> None:
        """Note an end in order: FIN, of TLS the closing alert (RFC 8446, 6.1)."""
        self._farewell = True
        super().eof_received()

    def close(self) -> None:
        """Close at once: in order, TLS would wait half a minute for the server's farewell."""
        self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = exc
        if not self._farewell and self.exchange is not None:
            self.exchange.cut_off(str(exc or "no closing alert"))
        super().connection_lost(exc)


def _announces_body(message: RawResponseMessage) -> bool:
    """Whether a head without a body says there is one; some servers then send it (RFC 9112, 6)."""
    return message.chunked or (
        message.code == HTTPStatus.NO_CONTENT and hdrs.CONTENT_LENGTH in message.headers
    )


class Bare(aiohttp.ClientRequest):
    """A request with the headers it was given, and no others."""

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Add nothing: no User-Agent, no Accept, no Accept-Encoding."""


class HookedResponse(aiohttp.ClientResponse):
    """A response that keeps its exchange: aiohttp lets go of the connection with the last byte."""

    exchange: WireExchange

    async def start(self, connection: Lease) -> aiohttp.ClientResponse:
        self.exchange = cast("WireExchange", cast("HookedConnection", connection.protocol).exchange)
        return await super().start(connection)


class Unused(AbstractResolver):
    """Every host is given as an address, so nothing is ever looked up here."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        raise OSError(f"{host} is no address")

    async def close(self) -> None:
        """Nothing is open."""


class HookedConnector(aiohttp.TCPConnector):
    """Makes a ``HookedConnection`` of every connection, and keeps track of their sockets."""

    def __init__(self, limit: int) -> None:
        self._sockets: Sockets = WeakValueDictionary()
        super().__init__(limit=limit, resolver=Unused(), socket_factory=self._open)
        factory = functools.partial(HookedConnection, self._loop, self._sockets)
        self._factory = cast("functools.partial[ResponseHandler]", factory)

    def _open(self, address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol = address[:3]
        sock = socket.socket(family, kind, protocol)
        self._sockets[sock.fileno()] = sock
        return sock

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close everything, and see it closed: the loop closes sockets some turns later."""
        await super().close(abort_ssl=abort_ssl)
        for _ in range(_CLOSING_TURNS):
            if all(sock.fileno() < 0 for sock in self._sockets.values()):
                break
            await asyncio.sleep(0)
