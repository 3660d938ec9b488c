"""Limits the TCP handshake of one transfer. libcurl's own limit includes TLS and a proxy's answers.

So libcurl's is set a little later, and lifted if TCP is connected when ours has passed.
"""

import asyncio
import math
import time

import pycurl

from crawler.engines.libcurl.sockets import view
from crawler.engines.shared.kernel import is_connected

_LATER_MS = 50
_NONE = 0


def limit_connecting(curl: pycurl.Curl, seconds: float) -> None:
    """Set libcurl's own limit, from the start of the transfer; infinity means none."""
    limit = _NONE if seconds == math.inf else int(seconds * 1000) + _LATER_MS
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, limit)


class TransferConnectLimit:
    """The limit of one transfer on ``curl``, which connects socket ``fd``.

    ``has_passed``: it was not connected in time. Used on the thread of the event loop.
    """

    def __init__(self, curl: pycurl.Curl, fd: int, until: float) -> None:
        """``until``: when it must be connected, in monotonic seconds."""
        self._curl, self._fd = curl, fd
        self.has_passed = False
        left = max(0.0, until - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(left, self._look)

    def _look(self) -> None:
        sock = view(self._fd)
        if sock is None:
            return
        try:
            self.has_passed = not is_connected(sock)
        finally:
            sock.detach()
        if not self.has_passed:
            self._curl.setopt(pycurl.CONNECTTIMEOUT_MS, _NONE)

    def end(self) -> None:
        """The transfer is connected, or has ended. May be called more often."""
        self._timer.cancel()
