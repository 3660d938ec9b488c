"""One listening port for a whole web: on every loopback address, for plain HTTP and TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import cast

from crawler.localweb.connection import Connection, Handler, Service
from crawler.localweb.server import Server, bind, set_up
from crawler.localweb.tls_connection import TlsConnection

_HANDSHAKE = 22
"""First byte of a TLS connection: the content type of its ClientHello (RFC 8446, 5.1)."""

Greeting = tuple[ssl.SSLContext, float]
"""How to start TLS: the context, and the seconds between ClientHello and ServerHello."""
Greet = Callable[[str], Greeting | None]
"""Local address → the greeting of the host there; None if no host there uses TLS."""


class Listener(Server):
    """A ``Server`` on all of 127.0.0.0/8 if the system allows that, else only on 127.0.0.1.

    ``greet`` is called for each TLS connection. With ``lain``, it measures how long each request
    had waited in the kernel (``Seen.lain``); this takes some microseconds per request.
    """

    everywhere = True
    """Whether it serves all addresses; valid after entering."""

    def __init__(self, handler: Handler, greet: Greet, *, lain: bool = False) -> None:
        super().__init__(handler)
        self._service.lain = lain
        self._connect = lambda: ProtocolDetector(self._service, greet)

    def _bind(self) -> list[socket.socket]:
        try:
            return [_bind_loopback()]
        except OSError:
            self.everywhere = False
            return bind(("127.0.0.1",), 0)


class ProtocolDetector(asyncio.Protocol):
    """Owns a new connection until its first byte shows whether it is HTTP or TLS."""

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
        greeting = self._greet(local)
        if greeting is None:
            return Connection(self._service)
        return TlsConnection(self._service, *greeting)


def _bind_loopback() -> socket.socket:
    """Bind every IPv4 address of the loopback device, and of no other device (socket(7)).

    Raises OSError if that needs privileges (Linux before 5.7) or is not supported.
    """
    device = getattr(socket, "SO_BINDTODEVICE", None)
    if device is None:
        raise OSError("this system cannot bind a socket to a device")
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, device, b"lo")
        set_up(sock)
        sock.bind(("0.0.0.0", 0))  # noqa: S104 - of this device
    except OSError:
        sock.close()
        raise
    return sock
