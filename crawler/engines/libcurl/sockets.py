"""Access to libcurl's open sockets, to read the kernel's data about them."""

import socket
import time
from typing import Protocol

from crawler.engines.shared.kernel import TcpInfo, tcp_info

_PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT

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

    def __init__(self) -> None:
        self._sockets: dict[Ends, socket.socket] = {}
        self._owners: dict[int, Ends] = {}
        self._users: dict[Ends, User] = {}
        self._http1: set[Ends] = set()
        self.opening: dict[int, float] = {}
        """By descriptor: when the last data arrived (monotonic), 0 before ``note_data``."""

    def opened(self, fd: int) -> None:
        """A socket is about to be connected."""
        self.opening[fd] = 0.0

    def note_data(self, fd: int) -> None:
        """Call this for descriptors in ``opening``, before libcurl reads the new data.

        After the handshake it is too late: a TLS server may already have sent session tickets
        (RFC 8446, 4.6.1).
        """
        sock = _view(fd)
        if sock is not None:
            info = tcp_info(sock)
            sock.detach()
            self.opening[fd] = time.monotonic() - info.received_ago if info else 0.0

    def connected(self, ends: Ends, fd: int) -> tuple[TcpInfo | None, float]:
        """Register a new connection; return the kernel's data and its age in seconds."""
        self._forget(ends)
        self._forget(self._owners.get(fd))
        sock = _view(fd)
        if sock is None:
            return None, 0.0
        self._owners[fd], self._sockets[ends] = ends, sock
        info, since = tcp_info(sock), self.opening.pop(fd, 0.0)
        if since:
            return info, time.monotonic() - since
        return info, info.received_ago if info else 0.0

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
        sock = self._sockets.get(ends)
        try:
            return sock is not None and bool(sock.recv(1, _PEEK))
        except OSError:
            return False

    def _forget(self, ends: Ends | None) -> None:
        if ends is None:
            return
        self._users.pop(ends, None)
        self._http1.discard(ends)
        sock = self._sockets.pop(ends, None)
        if sock is not None:
            del self._owners[sock.detach()]

    def close(self) -> None:
        """Forget all sockets; closes none of them."""
        for ends in list(self._sockets):
            self._forget(ends)


def _view(fd: int) -> socket.socket | None:
    """A socket object for ``fd``, to be detached after use; None if ``fd`` is closed."""
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    except OSError:
        return None
