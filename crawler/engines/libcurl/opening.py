"""The opening of a connection of libcurl, which does not tell whether it resumed a TLS session."""

import socket

from crawler.engines.shared.kernel import unread_bytes
from crawler.engines.shared.opening import Opening
from crawler.engines.shared.server_hello import MOST_BYTES, is_resumed

_PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class TlsOpening(Opening):
    """Also sees the server's first flight, before libcurl reads it.

    It misses one that arrives in pieces, or before libcurl waits for it, which only a server on the
    same machine can do: then ``resumed`` is False.
    """

    def __init__(self, begun: float) -> None:
        super().__init__(begun)
        self._seen: bool | None = None

    @property
    def resumed(self) -> bool:
        return bool(self._seen)

    def look(self, sock: socket.socket, now: float) -> None:
        super().look(sock, now)
        if self._seen is None:
            self._seen = is_resumed(peek(sock, MOST_BYTES))


def peek(sock: socket.socket, most: int) -> bytes:
    """The first bytes that nobody has read, ``most`` of them; none if the connection is closed.

    Where there are none it does not receive: that would take the error of a reset from libcurl.
    """
    try:
        return sock.recv(most, _PEEK) if unread_bytes(sock) else b""
    except OSError:
        return b""
