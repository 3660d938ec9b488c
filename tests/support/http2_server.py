"""The least of an HTTP/2 server (RFC 9113): it gives every request the same page."""

import asyncio
import socket
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable
from fcntl import ioctl

from crawler.localweb.connection import Service
from crawler.localweb.tls_connection import TlsConnection

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = 9
"""Bytes of a frame's head."""
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_LAST_DATA_RECV = 52
"""Offset in ``struct tcp_info``."""
_SIOCOUTQNSD = 0x894B
"""Bytes that a socket has not sent yet (linux/sockios.h)."""
_LOOK_S = 0.001
_OK = b"\x88\x0f\x10\x18text/html; charset=utf-8"
"""``:status: 200`` and a Content-Type (RFC 7541, 6.1 and 6.2.2)."""


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    head = len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4)
    return head + payload


class Http2Connection(TlsConnection):
    """Answers each request after ``latency`` seconds; ``add`` is called with its true wait.

    That ends when the kernel has sent the answer: many small ones must wait for acknowledgements of
    earlier ones (RFC 5681, 3.1), which the client's kernel delays by 40 ms.

    Pages must be small: flow control of HTTP/2 is ignored.
    """

    def __init__(
        self,
        service: Service,
        context: ssl.SSLContext,
        latency: float,
        add: Callable[[float], None],
    ) -> None:
        super().__init__(service, context)
        self._latency, self._add = latency, add
        self._greeted = self._welcomed = False
        self._written = 0
        self._leaving: deque[tuple[int, float]] = deque()

    def _flush(self) -> None:
        if not self._welcomed:  # for what follows the ServerHello no client waits
            self._welcomed = True
            self._add(self._lain())
        self._written += self._outgoing.pending
        super()._flush()

    def _lain(self) -> float:
        """Seconds since the kernel received the client's last byte."""
        raw = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return int.from_bytes(raw[_LAST_DATA_RECV : _LAST_DATA_RECV + 4], sys.byteorder) / 1e3

    def _serve(self) -> None:
        if not self._greeted:
            if len(self._buffer) < len(_PREFACE):
                return
            del self._buffer[: len(_PREFACE)]
            self._greeted = True
            # At most 1,000 streams at once (RFC 9113, 6.5.2).
            self._send(_frame(_SETTINGS, 0, 0, b"\0\3" + (1000).to_bytes(4)))
        while len(self._buffer) >= _HEAD:
            size = _HEAD + int.from_bytes(self._buffer[:3])
            if len(self._buffer) < size:
                return
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._take(frame[3], frame[4], int.from_bytes(frame[5:_HEAD]), frame[_HEAD:])

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            self._send(_frame(_SETTINGS, _ACK, 0))
        elif kind == _PING and not flags & _ACK:
            self._send(_frame(_PING, _ACK, 0, payload))
        elif kind == _HEADERS:
            arrived = time.monotonic() - self._lain()
            loop = asyncio.get_running_loop()
            loop.call_later(self._latency, self._reply, stream, arrived)

    def _reply(self, stream: int, arrived: float) -> None:
        if self._transport.is_closing():
            return
        page = self._service.handler(None).body  # type: ignore[arg-type]
        head = _frame(_HEADERS, _END_HEADERS, stream, _OK)
        now = time.monotonic()  # before it is sent: the client may run first then
        self._send(head + _frame(_DATA, _END_STREAM, stream, page))
        if not self._leaving and not self._unsent():
            self._add(now - arrived)
            return
        self._leaving.append((self._written, arrived))
        if len(self._leaving) == 1:
            self._look()

    def _look(self) -> None:
        """Count the answers that have left, and look again while there are others."""
        now, sent = time.monotonic(), self._written - self._unsent()
        while self._leaving and self._leaving[0][0] <= sent:
            self._add(now - self._leaving.popleft()[1])
        if self._leaving and not self._transport.is_closing():
            asyncio.get_running_loop().call_later(_LOOK_S, self._look)

    def _unsent(self) -> int:
        raw = ioctl(self._socket, _SIOCOUTQNSD, bytes(4))
        return int.from_bytes(raw, sys.byteorder) + self._transport.get_write_buffer_size()
