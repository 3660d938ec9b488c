"""The connection of one fetch as http.client reads from it, with times and limits."""

import io
import select
import socket
import ssl
import time
from enum import StrEnum
from typing import Any, cast

from crawler.engines.base import MAX_HEADER_BYTES
from crawler.engines.shared.kernel import tcp_info
from crawler.engines.shared.messages import HEADERS_TOO_LARGE, timed_out
from crawler.engines.shared.opening import Opening
from crawler.engines.shared.timing import make_timing
from crawler.engines.shared.tls_sessions import SessionOwner, TlsSessions
from crawler.engines.urllib.hold import BodyHold
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Request, Timing

READ_BYTES = 64 * 1024
"""Bytes of a body to read at once, at most."""


class Phase(StrEnum):
    """The state of a connection; the values are for messages."""

    CONNECT = "connecting"
    HANDSHAKE = "TLS handshake"
    HEAD = "waiting for the response"
    BODY = "reading the body"


class Lines(io.BufferedReader):
    """Rejects lines that another recipient would split or end at another place."""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Raises FetchError for NUL or a bare CR (RFC 9110, 5.5; RFC 9112, 2.2)."""
        line = super().readline(size)
        if b"\r" in line[:-2] or b"\0" in line:
            raise FetchError(FailureKind.PROTOCOL, "a header line contains NUL or a bare CR")
        return line

    def close(self) -> None:
        """Do nothing: what is left in it after a response is of interest."""


class HttpStream(io.RawIOBase):
    """A raw stream with the socket methods that http.client needs. Times are monotonic seconds.

    A subclass makes the connection, and says how it waits for a socket.
    """

    is_reused = False
    """Whether an earlier fetch had the same connection."""

    def __init__(
        self,
        request: Request,
        tls: ssl.SSLContext | None,
        sessions: TlsSessions,
        hold: BodyHold,
    ) -> None:
        self.request = request
        self.hold = hold
        self.phase = Phase.CONNECT
        self.eof = False
        self.received = 0
        self.is_connected = False
        self._tls = tls
        self._sessions = sessions
        self._sock: socket.socket | None = None
        self._allowance = 0
        self._started = time.monotonic()
        self._opening = Opening(self._started)
        self._waits = (0.0, 0.0)
        self._resumed = False
        self._sent = 0.0
        self._first_byte = 0.0
        self.reset_allowance()

    @property
    def is_forwarded(self) -> bool:
        """Whether a proxy forwards the request; not if the request goes through a tunnel."""
        return self.request.proxy is not None and self._tls is None

    @property
    def _socket(self) -> socket.socket:
        assert self._sock is not None
        return self._sock

    def _look(self, sock: socket.socket) -> None:
        self._opening.look(sock, time.monotonic())

    def _shake_hands(self, wrapped: ssl.SSLSocket) -> None:
        """Do the handshake of a socket that does not block."""
        while self._wants(wrapped):
            self._look(wrapped)
        self._resumed = bool(wrapped.session_reused)

    def _taken_session(self, tls: ssl.SSLContext) -> ssl.SSLSession | None:
        return self._sessions.take(self._owner(tls))

    def keep_session(self) -> None:
        """A later connection may resume it, if this one is new and has carried a response."""
        if self._tls is not None and self.received and not self.is_reused:
            session = cast("ssl.SSLSocket", self._socket).session
            self._sessions.keep(self._owner(self._tls), session)

    def _owner(self, tls: ssl.SSLContext) -> SessionOwner:
        return tls, self.request.url.split("/", 3)[2]

    def _wants(self, wrapped: ssl.SSLSocket) -> bool:
        """Do what can be done of the handshake; True if it then waited for the server."""
        try:
            wrapped.do_handshake()
        except ssl.SSLWantReadError:
            self._wait(wrapped, select.POLLIN)
        except ssl.SSLWantWriteError:
            self._wait(wrapped, select.POLLOUT)
        else:
            return False
        return True

    def _wait(self, sock: socket.socket, event: int) -> None:
        """Wait for ``event`` of poll(2), as long as the fetch may take. Raises TimeoutError."""
        raise NotImplementedError

    def sendall(self, data: bytes) -> None:
        """Send the head, or then the body.

        A server that does not want the body may have answered and closed the connection before it
        has all of it (RFC 9112, 9.5). So the response is read also if the body cannot be sent.
        """
        try:
            self._socket.sendall(data)
        except OSError:
            if not self._sent:
                self._read_alert()
                raise
        self._sent = time.monotonic()

    def _read_alert(self) -> None:
        """The connection is closed; if a TLS alert says why, raise it as ssl.SSLError."""
        if self._tls is not None:
            self._socket.recv(1)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return Lines(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read available bytes. Raises FetchError after too many bytes that are not body."""
        count = self._socket.recv_into(buffer)
        if not self.received:
            self._first_byte = time.monotonic()
            if count:
                self.request.begun()
        self.eof = count == 0
        self.received += count
        self._allowance -= count
        if self._allowance < 0:
            raise FetchError(FailureKind.PROTOCOL, HEADERS_TOO_LARGE)
        return count

    def reset_allowance(self) -> None:
        """Body bytes arrived: reset the limit for headers, chunk lines and trailers."""
        self._allowance = MAX_HEADER_BYTES + READ_BYTES

    def close(self) -> None:
        """Do nothing: http.client closes before the kernel's data is read."""

    def late(self) -> FetchError:
        """The failure of a fetch that has reached its deadline."""
        return FetchError(
            FailureKind.TIMEOUT,
            f"{timed_out(self.request)} ({self.phase})",
            answered=self.received > 0,
            connected=self.is_connected,
        )

    def timing(self, size: int) -> Timing:
        """Return the times, right after the last byte of a body of ``size`` bytes was read."""
        now = time.monotonic()
        info = tcp_info(self._socket)
        return make_timing(
            self.request,
            connect=self._waits[0],
            tls=self._waits[1],
            kernel=info,
            library_answer=now - self._sent,
            buffered=info.received_ago if info else 0.0,
            first_byte=self._first_byte - self._started,
            total=now - self._started,
            reused=self.is_reused,
            resumed=self._resumed,
            body_size=size,
            held=self.hold.seconds,
        )
