"""How long the opening of a connection waited for the network: TCP, a proxy, TLS.

Each turn of a handshake is measured by the kernel: from the last byte that we sent to the last byte
that it received. So neither our own computing nor the delay of our event loop is part of it.
"""

import socket

from crawler.engines.shared.kernel import OpeningInfo, opening_info


class Opening:
    """The waits of one connection until it can carry a request.

    Call ``look`` when TCP is connected, and whenever data has arrived, before a reply to it is
    sent. It may be called more often.
    """

    def __init__(self, begun: float) -> None:
        """``begun``: just before connect(2), in monotonic seconds."""
        self._begun = begun
        self._connect: float | None = None
        self._sent = 0
        self._turns = self._turn = 0.0

    @property
    def resumed(self) -> bool:
        """Whether TLS resumed a session, as far as this object can see it."""
        return False

    def look(self, sock: socket.socket, now: float) -> None:
        """Read the kernel's data; nothing is measured if there is none."""
        info = opening_info(sock)
        if info is not None:
            self.fold(info, now)

    def look_once(self, sock: socket.socket, now: float) -> None:
        """Look when TCP is connected, unless that was done.

        After a handshake it is too late: a TLS server may already have sent session tickets (RFC
        8446, 4.6.1), for which no request waits.
        """
        if self._connect is None:
            self.look(sock, now)

    def fold(self, info: OpeningInfo, now: float) -> None:
        """Add what the kernel knows at ``now`` (monotonic seconds)."""
        if self._connect is None:
            self._connect = self._connected(info, now)
        if info.sent != self._sent:  # a new turn
            self._turns += self._turn
            self._sent = info.sent
        self._turn = info.last.answer

    def _connected(self, info: OpeningInfo, now: float) -> float:
        """The kernel measures SYN to SYN-ACK itself, but not if it had to send again."""
        if info.retransmitted:
            return max(0.0, now - info.acknowledged_ago - self._begun)
        return info.rtt

    def waits(self, connect: float, turns: float) -> tuple[float, float]:
        """Seconds waited for TCP, and for all turns after it: a proxy's answers and TLS.

        The arguments are what the library measured: they count if the kernel has no data.
        """
        if self._connect is None:
            return connect, turns
        return self._connect, self._turns + self._turn
