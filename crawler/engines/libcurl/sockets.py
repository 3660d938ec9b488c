"""Access to libcurl's open sockets, to read the kernel's data about them."""

import socket
import time
from typing import Protocol

from crawler.engines.libcurl.arrivals import StreamArrivals, ThreadClock
from crawler.engines.libcurl.opening import TlsOpening, peek
from crawler.engines.shared.kernel import TICK_S, TcpInfo, tcp_info
from crawler.engines.shared.opening import Opening

_ALERT = b"\x17\x03\x03\0\x13"
"""The head of a record with an alert: level, description, kind, and 16 bytes of its tag."""
_ALERT_BYTES = 24

Ends = tuple[str, int, str, int]
"""Address and port of both ends: how libcurl identifies a connection, new or kept alive."""


class User(Protocol):
    """The transfer that uses a connection now."""

    def leave(self, ends: Ends) -> None:
        """Another transfer is about to use the connection: read the kernel's data now."""
        ...


class Sockets:
    """libcurl's open sockets by their two ends, to read the kernel's data about them.

    libcurl owns them and closes them without notice: pycurl has no callback for a connection whose
    first handle is idle. So the objects here never close a descriptor, and a descriptor that the
    system has reused is detected when its new connection is registered.
    """

    def __init__(self, *, http2: bool = False) -> None:
        """``http2``: a connection may have several streams."""
        self._http2 = http2
        self._sockets: dict[Ends, socket.socket] = {}
        self._owners: dict[int, Ends] = {}
        self._users: dict[Ends, User] = {}
        self._http1: set[Ends] = set()
        self._opening: dict[int, Opening] = {}
        self._arrivals: dict[Ends, StreamArrivals] = {}
        self._next_look = 0.0
        self.watched: dict[int, Opening | StreamArrivals] = {}
        """By descriptor: what must ``look`` at each of its events."""

    def opened(self, fd: int, *, shows_tls: bool = False) -> None:
        """A socket is about to be connected.

        ``shows_tls``: what is read on it shows the TLS handshake with the host of the request.
        """
        opening = (TlsOpening if shows_tls else Opening)(time.monotonic())
        self._opening[fd] = self.watched[fd] = opening

    def is_opening(self, fd: int) -> bool:
        """Whether a socket with this descriptor was opened and is not connected yet."""
        return fd in self._opening

    def look(self, fd: int) -> None:
        """Call this at each event of a descriptor in ``watched``, before libcurl handles it."""
        sock = view(fd)
        if sock is not None:
            try:
                self.watched[fd].look(sock, time.monotonic())
            finally:
                sock.detach()

    def connected(self, ends: Ends, fd: int) -> Opening:
        """Register a new connection; return what its opening waited for."""
        self._forget(ends)
        self._forget(self._owners.get(fd))
        opening, sock = self._opening.pop(fd), view(fd)
        del self.watched[fd]
        if sock is not None:
            now = time.monotonic()
            self._owners[fd], self._sockets[ends] = ends, sock
            opening.look_once(sock, now)
            if self._http2:
                clock = ThreadClock(now, time.thread_time())
                self._arrivals[ends] = self.watched[fd] = StreamArrivals(sock, clock)
        return opening

    def arrivals(self, ends: Ends) -> StreamArrivals | None:
        """Return the arrivals on this connection; None if it is closed, or never has streams."""
        return self._arrivals.get(ends)

    def pass_by(self) -> None:
        """Call this after each response in HTTP/2; it looks once a tick of the kernel's clock."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + TICK_S
            for arrivals in self._arrivals.values():
                if arrivals.crowded:
                    arrivals.pass_by(now)

    def used(self, ends: Ends, transfer: User) -> None:
        """``transfer`` is about to send. libcurl reuses a connection as soon as it has a response,
        before it reports that response: this is the last moment to read the kernel's data about it.
        """
        before = self._users.get(ends)
        if before is not None:
            before.leave(ends)
        self._users[ends] = transfer

    def info(self, ends: Ends) -> TcpInfo | None:
        """Return the kernel's data, or None if the connection is closed."""
        sock = self._sockets.get(ends)
        return None if sock is None else tcp_info(sock)

    def note_http1(self, ends: Ends) -> None:
        """The connection has had a response in HTTP/1."""
        self._http1.add(ends)

    def is_http1(self, ends: Ends) -> bool:
        """Whether a kept connection speaks HTTP/1: then it has had a response."""
        return ends in self._http1

    def has_unrequested_bytes(self, ends: Ends) -> bool:
        """Whether bytes arrived on an idle HTTP/1 connection: libcurl would take them for the
        response to the next request (RFC 9112, 9.2).
        """
        return bool(self._peek(ends, 1))

    def has_unread_alert(self, ends: Ends) -> bool:
        """Whether a TLS 1.3 connection has an alert that libcurl has not read.

        It is encrypted; its size says what it is (RFC 8446, 5.2 and 5.4).
        """
        return self._peek(ends, _ALERT_BYTES).startswith(_ALERT)

    def _peek(self, ends: Ends, most: int) -> bytes:
        sock = self._sockets.get(ends)
        return b"" if sock is None else peek(sock, most)

    def _forget(self, ends: Ends | None) -> None:
        if ends is None:
            return
        self._users.pop(ends, None)
        self._http1.discard(ends)
        sock = self._sockets.pop(ends, None)
        if sock is not None:
            fd = sock.detach()
            del self._owners[fd]
            # A reused descriptor may already be watched for its new connection.
            if self._arrivals.pop(ends, None) is self.watched.get(fd):
                self.watched.pop(fd, None)

    def close(self) -> None:
        """Forget all sockets; closes none of them."""
        for ends in list(self._sockets):
            self._forget(ends)


def view(fd: int) -> socket.socket | None:
    """A socket object for ``fd``, to be detached after use; None if ``fd`` is closed."""
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    except OSError:
        return None
