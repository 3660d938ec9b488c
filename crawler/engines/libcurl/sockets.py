"""libcurl's open sockets, so that the kernel can be asked about them."""

import socket
import time
from typing import Protocol

from crawler.engines.shared.kernel import TcpInfo, tcp_info

_PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT

Ends = tuple[str, int, str, int]
"""Address and port of both ends: what libcurl tells of a connection, kept alive or not."""


class User(Protocol):
    """The transfer that sends on a connection now."""

    def leave(self, ends: Ends) -> None:
        """Another transfer is about to send on it: ask the kernel what there is to ask."""
        ...


class Sockets:
    """libcurl's open sockets by their two ends, so that the kernel can be asked about them.

    They stay libcurl's, which closes them unseen: pycurl cannot call back for a connection whose
    first handle rests. So the objects here never close a descriptor, and one that was given out
    again is known by its next owner.
    """

    def __init__(self) -> None:
        self._sockets: dict[Ends, socket.socket] = {}
        self._owners: dict[int, Ends] = {}
        self._users: dict[Ends, User] = {}
        self.opening: dict[int, float] = {}
        """By descriptor: when what came last had come (monotonic), 0 before ``stirred``."""

    def opened(self, fd: int) -> None:
        """A socket is about to be connected."""
        self.opening[fd] = 0.0

    def stirred(self, fd: int) -> None:
        """To be called for what is ``opening``, before libcurl is told that something came.

        Once the connection stands it is too late to ask. What a TLS server sends after its
        handshake (session tickets, RFC 8446, 4.6.1) may have come by then.
        """
        sock = _view(fd)
        if sock is not None:
            info = tcp_info(sock)
            sock.detach()
            self.opening[fd] = time.monotonic() - info.received_ago if info else 0.0

    def connected(self, ends: Ends, fd: int) -> tuple[TcpInfo | None, float]:
        """A new connection stands: what the kernel says, and for how many seconds it has stood."""
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
        """``transfer`` is about to send. libcurl gives a connection on as soon as it has an answer,
        before we are told of that answer: this is the last moment to ask the kernel about it.
        """
        before = self._users.get(ends)
        if before is not None:
            before.leave(ends)
        self._users[ends] = transfer

    def info(self, ends: Ends) -> TcpInfo | None:
        """None where the connection is closed."""
        sock = self._sockets.get(ends)
        return None if sock is None else tcp_info(sock)

    def answered_unasked(self, ends: Ends) -> bool:
        """Whether bytes wait on a connection nothing was sent on yet: libcurl would take them for
        the answer to what it sends next (RFC 9112, 9.2).
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
        sock = self._sockets.pop(ends, None)
        if sock is not None:
            del self._owners[sock.detach()]

    def close(self) -> None:
        """Let go of all, closing none."""
        for ends in list(self._sockets):
            self._forget(ends)


def _view(fd: int) -> socket.socket | None:
    """A socket object for asking, to be detached; None where the descriptor is closed."""
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    except OSError:
        return None
