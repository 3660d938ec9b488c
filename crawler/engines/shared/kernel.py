"""What the kernel records about a TCP connection, by its own clock (tcp(7), ``TCP_INFO``).

It reports when data was last sent and last received, in milliseconds before now. The difference is
how long we waited for the server, no matter how late we read it. Linux only; on other systems
engines use the library's clock.
"""

import socket
import struct
import sys
from typing import NamedTuple

_TCP_INFO = getattr(socket, "TCP_INFO", 11)
_SIZE = 104
# struct tcp_info: eight single bytes, then 32-bit words: 9 last_data_sent, 11 last_data_recv
# (milliseconds ago), 15 rtt (microseconds), 23 total_retrans.
_WORDS = struct.Struct("=44xI4xI12xI28xI")
RECEIVE_WINDOW = 64 * 1024
"""Bytes that the kernel accepts on a new connection before we read any."""


class TcpInfo(NamedTuple):
    """Seconds; ``sent_ago`` and ``received_ago`` are exact to a kernel tick (4 ms at 250 Hz)."""

    sent_ago: float
    received_ago: float
    rtt: float
    retransmitted: int

    @property
    def answer(self) -> float:
        """Seconds from the last byte sent to the last byte received."""
        return max(0.0, self.sent_ago - self.received_ago)


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """Read ``TCP_INFO``; None if there is none (not Linux, or the socket is closed)."""
    if sys.platform != "linux":
        return None
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SIZE)
    except OSError:
        return None
    if len(raw) < _SIZE:
        return None
    sent, received, rtt, again = _WORDS.unpack(raw)
    return TcpInfo(sent / 1e3, received / 1e3, rtt / 1e6, again)


def connect_wait(seen: float, info: TcpInfo | None) -> float:
    """Seconds that the TCP handshake took on the network; ``seen`` is our own, delayed, measure.

    The kernel measured SYN to SYN-ACK itself. If it had to retransmit, ``seen`` is more accurate.
    """
    if info is None or info.retransmitted:
        return seen
    return min(seen, info.rtt)
