"""One blocking connection for one fetch: dialled, timed, bounded, and ended from another thread."""

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
from crawler.engines.shared.kernel import RECEIVE_WINDOW, connect_wait, tcp_info
from crawler.engines.urllib.tunnel import open_tunnel
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Request, Timing

READ_BYTES = 64 * 1024
"""Most bytes of a body taken at once."""


class Phase(StrEnum):
    """What a connection is at; the value is meant for a message."""

    CONNECT = "connecting"
    HANDSHAKE = "TLS handshake"
    HEAD = "waiting for the answer"
    BODY = "reading the body"


class _HeaderLines(io.BufferedReader):
    """Takes no line that another recipient would split, or end, elsewhere."""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Raise FetchError at NUL or a bare CR (RFC 9110, 5.5; RFC 9112, 2.2)."""
        line = super().readline(size)
        if b"\r" in line[:-2] or b"\0" in line:
            raise FetchError(FailureKind.PROTOCOL, "NUL or a bare CR where a line was expected")
        return line


class Wire(io.RawIOBase):
    """The connection of one fetch: a raw stream, and what http.client wants of a socket.

    Times are monotonic seconds. ``abort`` may be called from another thread at any moment.
    """

    def __init__(self, request: Request, tls: ssl.SSLContext | None) -> None:
        self.request = request
        self.phase = Phase.CONNECT
        self.eof = False
        self.received = 0
        self._tls = tls
        self._sock: socket.socket | None = None
        self._aborted = False
        self._lock = threading.Lock()
        self._allowance = 0
        self._started = time.monotonic()
        self._connect_s = 0.0
        self._tls_s = 0.0
        self._sent = 0.0
        self._first_byte = 0.0
        self.delivered()

    @property
    def is_forwarded(self) -> bool:
        """Whether a proxy is asked to ask; through a tunnel we ask ourselves."""
        return self.request.proxy is not None and self._tls is None

    def dial(self, host: str, port: int) -> None:
        """Connect to the endpoint; TLS, where it is wanted, is spoken with ``host:port``."""
        endpoint = self.request.endpoint
        name = host.encode("idna").decode("ascii")  # wrap_socket leaks its socket on a bad name
        sock = socket.socket(socket.AF_INET6 if ":" in endpoint.dial_host else socket.AF_INET)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.monotonic()
        self._connect(sock, (endpoint.dial_host, endpoint.dial_port))
        self._connect_s = connect_wait(time.monotonic() - begun, tcp_info(sock))
        if self._tls is not None:
            if self.request.proxy is not None:
                place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                open_tunnel(sock, place, self.request.proxy)
            self._shake_hands(sock, name, self._tls)
        self.phase = Phase.HEAD

    def _connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setblocking(False)
        with self._lock:
            self._sock = sock
            if self._aborted:
                raise ConnectionAbortedError("given up")
            error = sock.connect_ex(address)  # begun under the lock: shutdown ends nothing before
        if error == errno.EINPROGRESS:
            connected = select.poll()
            connected.register(sock, select.POLLOUT)
            if not connected.poll(self.request.timeout * 1000):
                raise TimeoutError("timed out")
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        sock.setblocking(True)

    def _shake_hands(self, sock: socket.socket, name: str, tls: ssl.SSLContext) -> None:
        self.phase = Phase.HANDSHAKE
        with self._lock:
            self._sock = wrapped = tls.wrap_socket(
                sock,
                server_hostname=name,
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,
            )
        begun = time.monotonic()
        wrapped.do_handshake()
        seen = time.monotonic() - begun
        info = tcp_info(wrapped)
        self._tls_s = max(0.0, seen - (info.received_ago if info else 0.0))

    def abort(self) -> None:
        """End whatever the thread is waiting for; it finds the stream at its end."""
        with self._lock:
            self._aborted = True
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    # The TLS socket's own shutdown would pull the TLS layer from under the reader.
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def release(self) -> None:
        """Close the socket. Under the lock: abort must never hit a descriptor used anew."""
        with self._lock:
            if self._sock is not None:
                self._sock.close()

    def close(self) -> None:
        """Nothing: urllib closes before the kernel was asked, ``release`` comes afterwards."""

    def sendall(self, data: bytes) -> None:
        self._socket.sendall(data)
        self._sent = time.monotonic()

    def makefile(self, _mode: str) -> io.BufferedReader:
        return _HeaderLines(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is. Raises FetchError where no end of non-body bytes comes."""
        count = self._socket.recv_into(buffer)
        if not self.received:
            self._first_byte = time.monotonic()
        self.eof = count == 0
        self.received += count
        self._allowance -= count
        if self._allowance < 0:
            raise FetchError(FailureKind.PROTOCOL, f"over {MAX_HEADER_BYTES:,} bytes of headers")
        return count

    def delivered(self) -> None:
        """Body bytes came out: headers, chunk lines and trailers may take up as much again."""
        self._allowance = MAX_HEADER_BYTES + READ_BYTES

    @property
    def _socket(self) -> socket.socket:
        assert self._sock is not None
        return self._sock

    def timing(self, size: int) -> Timing:
        """Sum up the fetch, now that the last byte of its ``size`` bytes of body has been read."""
        now = time.monotonic()
        info = tcp_info(self._socket)
        return Timing(
            connect=self._connect_s,
            tls=self._tls_s,
            answer=info.answer if info else now - self._sent,
            first_byte=self._first_byte - self._started,
            buffered=info.received_ago if info else 0.0,
            total=now - self._started,
            dns=self.request.endpoint.lookup_s,
            method="kernel" if info else "library",
            sure=size <= RECEIVE_WINDOW,
        )
