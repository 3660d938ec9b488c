"""One blocking connection for one fetch; another thread can end it."""

import contextlib
import errno
import os
import select
import socket
import ssl
import threading
import time

from crawler.engines.shared.messages import not_connected
from crawler.engines.shared.opening import Opening
from crawler.engines.shared.tls_sessions import TlsSessions
from crawler.engines.urllib.hold import BodyHold
from crawler.engines.urllib.stream import HttpStream, Phase
from crawler.engines.urllib.tunnel import open_tunnel
from crawler.model.exchange import Request, host_and_port


class Wire(HttpStream):
    """The connection of one fetch. Another thread may call ``abort`` at any time."""

    def __init__(
        self,
        request: Request,
        tls: ssl.SSLContext | None,
        sessions: TlsSessions,
        hold: BodyHold,
    ) -> None:
        super().__init__(request, tls, sessions, hold)
        self._aborted = False
        self._lock = threading.Lock()

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
            self._secure(sock, name, self._tls)
        self._waits = self._opening.waits(connected - begun, time.monotonic() - connected)
        self.phase = Phase.HEAD

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

    def _secure(self, sock: socket.socket, name: str, tls: ssl.SSLContext) -> None:
        self.phase = Phase.HANDSHAKE
        with self._lock:
            self._sock = wrapped = tls.wrap_socket(
                sock,
                server_hostname=name,
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,
                session=self._taken_session(tls),
            )
        wrapped.setblocking(False)
        self._shake_hands(wrapped)
        wrapped.setblocking(True)

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
                self.keep_session()
                self._sock.close()


def _is_ready(sock: socket.socket, event: int, seconds: float) -> bool:
    """Wait for ``event`` of poll(2), at most so long."""
    poll = select.poll()
    poll.register(sock, event)
    return bool(poll.poll(seconds * 1000))
