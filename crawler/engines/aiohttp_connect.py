"""Limits how long aiohttp connects. Its own limit includes the TLS handshake."""

import asyncio
import socket
from contextvars import ContextVar

from crawler.engines.shared.kernel import is_connected


class TaskConnectLimit:
    """Ends the fetch of the running task if its new connection is not made in time."""

    def __init__(self, seconds: float, deadline: asyncio.Timeout) -> None:
        self._seconds, self._deadline = seconds, deadline
        self._timer: asyncio.TimerHandle | None = None
        self.has_passed = False
        CONNECTING.set(self)

    def opened(self, sock: socket.socket) -> None:
        """``sock`` is about to be connected; an earlier one no longer counts."""
        self._stop()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, self._look, sock)

    def _look(self, sock: socket.socket) -> None:
        self.has_passed = not is_connected(sock)
        if self.has_passed:
            self._deadline.reschedule(0.0)

    def end(self) -> None:
        """The response has begun, or the fetch has ended. May be called twice."""
        CONNECTING.set(None)
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


CONNECTING: ContextVar[TaskConnectLimit | None] = ContextVar("CONNECTING", default=None)
"""The limit of the fetch of the running task, if it has one."""
