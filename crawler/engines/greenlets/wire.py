"""The connection of one fetch on a greenlet."""

import select
import socket
import ssl
import time
from contextvars import ContextVar
from typing import Any, cast

import gevent
import gevent.socket
import gevent.ssl

from crawler.engines.shared.messages import not_connected
from crawler.engines.shared.opening import Opening
from crawler.engines.shared.target import host_of, target_of
from crawler.engines.shared.tls_sessions import TlsSessions
from crawler.engines.urllib.hold import BodyHold
from crawler.engines.urllib.stream import HttpStream, Lines, Phase
from crawler.engines.urllib.tunnel import open_tunnel
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Request, host_and_port

_TURN_SECONDS = 0.005
"""Seconds after which a greenlet whose data never ends lets the others run."""
_HTTPS_PORT = 443


class GreenWire(HttpStream):
    """A connection that is new or was kept. Only its greenlet uses it, while the fetch lasts.

    gevent raises its timeouts only in a greenlet that waits, and one whose socket always has data
    never does. So the clock is also read at each piece.
    """

    def __init__(
        self,
        request: Request,
        tls: ssl.SSLContext | None,
        sessions: TlsSessions,
        hold: BodyHold,
    ) -> None:
        super().__init__(request, tls, sessions, hold)
        self.target = target_of(request.url)
        self._turn = self._started
        self._is_over = False

    @property
    def left(self) -> float:
        """Seconds until the deadline, which a held body moves. Raises FetchError if it is over."""
        left = self._started + self.request.timeout + self.hold.seconds - time.monotonic()
        if left <= 0:
            raise self.late()
        return left

    def open(self, sock: socket.socket, address: tuple[str, int]) -> socket.socket:
        """Connect ``sock``; returns the socket to use, which for https is another one.

        After an error the caller closes ``sock``. Raises FetchError and OSError.
        """
        try:
            with gevent.Timeout(self.left):
                return self._open(sock, address)
        except gevent.Timeout:
            raise self.late() from None

    def _open(self, sock: socket.socket, address: tuple[str, int]) -> socket.socket:
        name = host_of(self.target.authority)
        name.encode("idna")  # SSLSocket leaks its socket on a bad name
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.monotonic()
        self._opening = Opening(begun)
        self._connect(sock, address)
        self._look(sock)
        connected = time.monotonic()
        if self._tls is not None:
            if self.request.proxy is not None:
                open_tunnel(sock, self._place(name), self.request.proxy)
                self._look(sock)
            sock = self._secure(sock, name, self._tls)
        self._waits = self._opening.waits(connected - begun, time.monotonic() - connected)
        return sock

    def _connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        limit = self.request.connect_timeout
        sock.settimeout(limit if limit < self.request.timeout else None)
        try:
            sock.connect(address)
        except TimeoutError:
            message = not_connected(self.request)
            raise FetchError(FailureKind.TIMEOUT, message, connected=False) from None
        self.is_connected = True
        sock.settimeout(None)

    def _place(self, name: str) -> str:
        _, _, port = self.target.authority.removesuffix("]").rpartition(":")
        return host_and_port(name, int(port) if port.isdigit() else _HTTPS_PORT)

    def _secure(self, sock: socket.socket, name: str, tls: ssl.SSLContext) -> socket.socket:
        self.phase = Phase.HANDSHAKE
        # SSLContext.wrap_socket would make a socket that blocks the thread.
        wrapped = gevent.ssl.SSLSocket(
            sock,
            _context=tls,
            server_hostname=name,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
            _session=self._taken_session(tls),
        )
        try:
            wrapped.settimeout(0.0)
            self._shake_hands(wrapped)
        except BaseException:
            wrapped.close()
            raise
        return cast("socket.socket", wrapped)

    def _wait(self, sock: socket.socket, event: int) -> None:
        wait = gevent.socket.wait_read if event == select.POLLIN else gevent.socket.wait_write
        wait(sock.fileno())

    def use(self, sock: socket.socket) -> None:
        """Send and receive on ``sock``, which this wire has opened, or which was kept."""
        self._sock = sock
        self.is_reused = not self.is_connected
        self.is_connected = True
        self.phase = Phase.HEAD

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self.left)
        super().sendall(data)

    def makefile(self, _mode: str) -> Lines:
        self._lines = Lines(self)
        return self._lines

    def readinto(self, buffer: Any) -> int:
        """Read available bytes. Raises FetchError at the deadline."""
        if self._is_over:
            return 0
        now = time.monotonic()
        if now - self._turn > _TURN_SECONDS:
            gevent.sleep(0)
            self._turn = now
        self._socket.settimeout(self.left)
        return super().readinto(buffer)

    def has_more(self) -> bool:
        """Whether more was read than the response. Nothing can be read afterwards."""
        self._is_over = True
        return bool(self._lines.peek(1))


WIRE: ContextVar[GreenWire] = ContextVar("WIRE")
"""The connection that the current greenlet opens: geventhttpclient's pools do not pass it on."""
