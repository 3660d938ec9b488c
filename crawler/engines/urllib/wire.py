"""One blocking connection for one fetch, with times and limits; another thread can end it."""

import contextlib
import errno
import io
import os
import select
import socket
import ssl
import threading
import time
from enum import StrEnum
from typing import Any

from crawler.engines.base import MAX_HEADER_BYTES
from crawler.engines.shared.kernel import tcp_info
from crawler.engines.shared.messages import HEADERS_TOO_LARGE, not_connected
from crawler.engines.shared.opening import Opening
from crawler.engines.shared.timing import make_timing
from crawler.engines.shared.tls_sessions import SessionOwner, TlsSessions
from crawler.engines.urllib.hold import ThreadHold
from crawler.engines.urllib.tunnel import open_tunnel
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Request, Timing, host_and_port

READ_BYTES = 64 * 1024
"""Bytes of a body to read at once, at most."""


class Phase(StrEnum):
    """The state of a connection; the values are for messages."""

    CONNECT = "connecting"
    HANDSHAKE = "TLS handshake"
    HEAD = "waiting for the response"
    BODY = "reading the body"


class _HeaderLines(io.BufferedReader):
    """Rejects lines that another recipient would split or end at another place."""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Raises FetchError for NUL or a bare CR (RFC 9110, 5.5; RFC 9112, 2.2)."""
        line = super().readline(size)
        if b"\r" in line[:-2] or b"\0" in line:
            raise FetchError(FailureKind.PROTOCOL, "a header line contains NUL or a bare CR")
        return line


class Wire(io.RawIOBase):
    """The connection of one fetch: a raw stream with the socket methods that http.client needs.

    Times are monotonic seconds. Another thread may call ``abort`` at any time.
    """

    def __init__(
        self,
        request: Request,
        tls: ssl.SSLContext | None,
        sessions: TlsSessions,
        hold: ThreadHold,
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
        self._aborted = False
        self._lock = threading.Lock()
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

    def dial(self, host: str, port: int) -> None:
        """Connect to the endpoint; for https, also do the TLS handshake with ``host:port``."""
        endpoint = self.request.endpoint
        name = host.encode("idna").decode("ascii")  # wrap_socket leaks its socket on a bad name
        sock = socket.socket(socket.AF_INET6 if ":" in endpoint.dial_host else socket.AF_INET)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.monotonic()
        self._opening = Opening(begun)
        self._connect(sock, (endpoint.dial_host, endpoint.dial_port))
        self._look(sock)
        connected = time.monotonic()
        if self._tls is not None:
            if self.request.proxy is not None:
                open_tunnel(sock, host_and_port(host, port), self.request.proxy)
                self._look(sock)
            self._shake_hands(sock, name, self._tls)
        self._waits = self._opening.waits(connected - begun, time.monotonic() - connected)
        self.phase = Phase.HEAD

    def _look(self, sock: socket.socket) -> None:
        self._opening.look(sock, time.monotonic())

    def _connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setblocking(False)
        with self._lock:
            self._sock = sock
            if self._aborted:
                raise ConnectionAbortedError("aborted")
            error = sock.connect_ex(address)  # under the lock: shutdown works only after this call
        if error == errno.EINPROGRESS:
            self._wait_for_connection(sock)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self.is_connected = True
        sock.setblocking(True)

    def _shake_hands(self, sock: socket.socket, name: str, tls: ssl.SSLContext) -> None:
        self.phase = Phase.HANDSHAKE
        with self._lock:
            self._sock = wrapped = tls.wrap_socket(
                sock,
                server_hostname=name,
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,
                session=self._sessions.take(self._owner(tls)),
            )
        wrapped.setblocking(False)
        while self._wants(wrapped):
            self._look(wrapped)
        wrapped.setblocking(True)
        self._resumed = bool(wrapped.session_reused)

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

    def _wait_for_connection(self, sock: socket.socket) -> None:
        limit = self.request.connect_timeout
        if limit >= self.request.timeout:
            self._wait(sock, select.POLLOUT)
        elif not _is_ready(sock, select.POLLOUT, limit):
            raise TimeoutError(not_connected(self.request))

    def _wait(self, sock: socket.socket, event: int) -> None:
        if not _is_ready(sock, event, self.request.timeout):
            raise TimeoutError("timed out")

    def abort(self) -> None:
        """End whatever the thread is waiting for; it then reads an end of the stream."""
        self.hold.end()
        with self._lock:
            self._aborted = True
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    # SSLSocket.shutdown would remove the TLS layer while the thread reads.
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def release(self) -> None:
        """Close the socket. Under the lock: abort must not reach a reused descriptor."""
        with self._lock:
            if self._sock is not None:
                self._keep_session(self._sock)
                self._sock.close()

    def _keep_session(self, sock: socket.socket) -> None:
        """A later connection may resume it, if this one has carried a response."""
        if isinstance(sock, ssl.SSLSocket) and self.received:
            self._sessions.keep(self._owner(sock.context), sock.session)

    def close(self) -> None:
        """Do nothing: urllib closes before the kernel's data is read; ``release`` does it later."""

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
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.recv(1)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return _HeaderLines(self)

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

    @property
    def _socket(self) -> socket.socket:
        assert self._sock is not None
        return self._sock

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
            reused=False,
            resumed=self._resumed,
            body_size=size,
            held=self.hold.seconds,
        )


def _is_ready(sock: socket.socket, event: int, seconds: float) -> bool:
    """Wait for ``event`` of poll(2), at most so long."""
    poll = select.poll()
    poll.register(sock, event)
    return bool(poll.poll(seconds * 1000))
