"""One listening port for a whole web: every loopback address, plain HTTP and TLS alike."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import cast

from crawler.localweb.connection import Connection, Handler, Service, TlsConnection
from crawler.localweb.server import Server, bind, set_up

_HANDSHAKE = 22
"""First byte of a TLS connection: the content type of its ClientHello (RFC 8446, 5.1)."""

Greeting = tuple[ssl.SSLContext, float]
"""How to begin with TLS: the context, and seconds between ClientHello and ServerHello."""
Greet = Callable[[str], Greeting]
"""The greeting of who is at a local address."""


class Listener(Server):
    """A ``Server`` at all of 127.0.0.0/8, where the system lets it, else at 127.0.0.1 alone.

    ``greet`` is asked for each connection that begins with TLS. With ``lain`` the kernel is asked
    for each request how long it has lain there, which takes some microseconds.
    """

    everywhere = True
    """Whether it is at all addresses; known once it was entered."""

    def __init__(self, handler: Handler, greet: Greet, *, lain: bool = False) -> None:
        super().__init__(handler)
        self._service.lain = lain
        self._connect = lambda: Doorman(self._service, greet)

    def _bind(self) -> list[socket.socket]:
        try:
            return [_bind_loopback()]
        except OSError:
            self.everywhere = False
            return bind(("127.0.0.1",), 0)


class Doorman(asyncio.Protocol):
    """Takes a connection until its first byte tells what it is."""

    def __init__(self, service: Service, greet: Greet) -> None:
        self._service = service
        self._greet = greet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._service.live.add(self)

    def data_received(self, data: bytes) -> None:
        self._service.live.discard(self)
        connection = self._connection(data[0])
        connection.connection_made(self._transport)
        self._transport.set_protocol(connection)
        connection.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._service.live.discard(self)

    def abort(self) -> None:
        self._transport.abort()

    def _connection(self, first: int) -> Connection:
        if first != _HANDSHAKE:
            return Connection(self._service)
        local = self._transport.get_extra_info("sockname")[0]
        return TlsConnection(self._service, *self._greet(local))


def _bind_loopback() -> socket.socket:
    """Bind every IPv4 address of the loopback device, and of no other (socket(7)).

    Raises OSError where that takes privileges (Linux before 5.7) or is unknown.
    """
    device = getattr(socket, "SO_BINDTODEVICE", None)
    if device is None:
        raise OSError("sockets cannot be bound to a device here")
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, device, b"lo")
        set_up(sock)
        sock.bind(("0.0.0.0", 0))  # noqa: S104 - of this device
    except OSError:
        sock.close()
        raise
    return sock
