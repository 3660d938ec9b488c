"""What the kernel knows of a TCP connection, by its own clock (tcp(7), ``TCP_INFO``).

``last data sent`` and ``last data received`` come in milliseconds before now; their difference is
how long the other side let us wait, however late we ask. Linux only; elsewhere there is no answer
and the library's clock has to do.
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
"""What a fresh connection takes in while nobody reads."""


class TcpInfo(NamedTuple):
    """Seconds; ``sent_ago`` and ``received_ago`` are good to a kernel tick (4 ms at 250 Hz)."""

    sent_ago: float
    received_ago: float
    rtt: float
    retransmitted: int

    @property
    def answer(self) -> float:
        """From the last byte sent to the last byte received, in seconds."""
        return max(0.0, self.sent_ago - self.received_ago)


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """Ask the kernel; None where it has no answer (not Linux, or the socket is gone)."""
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
    """Seconds the TCP handshake took on the network, of ``seen`` by a clock that our loop delays.

    The kernel timed SYN to SYN-ACK itself; only where it had to send again is ``seen`` the better.
    """
    if info is None or info.retransmitted:
        return seen
    return min(seen, info.rtt)
