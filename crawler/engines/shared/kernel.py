"""What the kernel records about a socket, by its own clock (tcp(7), ``TCP_INFO``; socket(7)).

Of TCP it reports when data was last sent and last received, in milliseconds before now. The
difference is how long we waited for the server, no matter how late we read it. Linux only; on other
systems engines use the library's clock.
"""

import socket
import struct
import sys
import time
from fcntl import ioctl
from termios import FIONREAD
from typing import NamedTuple

_TCP_INFO = getattr(socket, "TCP_INFO", 11)
# struct tcp_info: eight single bytes, then 32-bit words: 9 last_data_sent, 11 last_data_recv
# (milliseconds ago).
_ANSWER = struct.Struct("=44xI4xI")
# 12 last_ack_recv (milliseconds ago), 15 rtt (microseconds), 23 total_retrans; from byte 200 on
# bytes_sent and bytes_retrans.
_OPENING = struct.Struct("=44xI4xII8xI28xI96xQQ")
# At byte 128 bytes_received.
_RECEIVED = struct.Struct("=52xI72xQ")
_INT = struct.Struct("@i")
_SIOCGSTAMPNS = 0x8907
_TIMESPEC = struct.Struct("@ll")
TICK_S = 0.004
"""Seconds between two ticks of the kernel's clock, on most systems."""
RECEIVE_WINDOW = 64 * 1024
"""Bytes that the kernel accepts on a new connection before we read any."""


class TcpInfo(NamedTuple):
    """Seconds; ``sent_ago`` and ``received_ago`` are exact to a kernel tick (4 ms at 250 Hz)."""

    sent_ago: float
    received_ago: float

    @property
    def answer(self) -> float:
        """Seconds from the last byte sent to the last byte received."""
        return max(0.0, self.sent_ago - self.received_ago)


class OpeningInfo(NamedTuple):
    """Seconds, as in ``TcpInfo``: what is needed while a connection is opened.

    ``acknowledged_ago`` is the last packet with an ACK. ``rtt`` is exact to a microsecond. ``sent``
    are the bytes sent, each counted once.
    """

    last: TcpInfo
    acknowledged_ago: float
    rtt: float
    retransmitted: int
    sent: int


class ReceivedInfo(NamedTuple):
    """The bytes that a connection has received, and how many seconds ago the last of them came.

    ``unread`` of them nobody has read yet. ``buffer`` is the room for such bytes, as the kernel
    counts: with its own records, which can be larger than small packets.
    """

    received: int
    ago: float
    unread: int = 0
    buffer: int = 1 << 20

    @property
    def read(self) -> int:
        return self.received - self.unread

    @property
    def is_full(self) -> bool:
        """Whether the other side may have to wait until we read."""
        return self.unread >= self.buffer / 4


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """Read ``TCP_INFO``; None if there is none (not Linux, or the socket is closed)."""
    raw = _read(sock, _ANSWER.size)
    if raw is None:
        return None
    sent, received = _ANSWER.unpack(raw)
    return TcpInfo(sent / 1e3, received / 1e3)


def opening_info(sock: socket.socket) -> OpeningInfo | None:
    """Read more of it; None also if the kernel is older than Linux 4.19."""
    raw = _read(sock, _OPENING.size)
    if raw is None:
        return None
    sent, received, acknowledged, rtt, packets, size, again = _OPENING.unpack(raw)
    last = TcpInfo(sent / 1e3, received / 1e3)
    return OpeningInfo(last, acknowledged / 1e3, rtt / 1e6, packets, size - again)


def received_info(sock: socket.socket) -> ReceivedInfo | None:
    """Read what was received; None also if the kernel is older than Linux 4.1."""
    raw = _read(sock, _RECEIVED.size)
    if raw is None:
        return None
    ago, received = _RECEIVED.unpack(raw)
    try:
        unread = unread_bytes(sock)
        buffer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    except OSError:
        return None
    return ReceivedInfo(received, ago / 1e3, unread, buffer)


def unread_bytes(sock: socket.socket) -> int:
    """The number of bytes that arrived and that nobody has read; raises OSError."""
    (unread,) = _INT.unpack(ioctl(sock, FIONREAD, bytes(_INT.size)))
    return int(unread)


def is_connected(sock: socket.socket) -> bool:
    """Whether the TCP handshake is done (getpeername(2), on every system)."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _read(sock: socket.socket, size: int) -> bytes | None:
    if sys.platform != "linux":
        return None
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, size)
    except OSError:
        return None
    return raw if len(raw) == size else None


def datagram_ago(fd: int) -> float | None:
    """Seconds since the last datagram that was read from socket ``fd`` had arrived, or None.

    The kernel keeps this from the first call on (socket(7), ``SIOCGSTAMP``).
    """
    if sys.platform != "linux":
        return None
    try:
        arrived = ioctl(fd, _SIOCGSTAMPNS, bytes(_TIMESPEC.size))
    except OSError:
        return None
    seconds, nanoseconds = _TIMESPEC.unpack(arrived)
    ago: float = time.time() - seconds - nanoseconds / 1e9
    return max(0.0, ago)
