"""Holds one transfer back: libcurl pauses it, and its deadline moves by the time of the pause."""

import asyncio
import time
from contextlib import suppress

import pycurl

from crawler.model.body_budget import BodyBudget


class TransferHold:
    """The back-pressure on one large body. Used on the thread of the event loop.

    ``started`` and ``deadline`` are those of the transfer (monotonic). libcurl allows no change of
    options in its callbacks, so the loop makes it right after them.
    """

    def __init__(
        self, curl: pycurl.Curl, bodies: BodyBudget, started: float, deadline: float
    ) -> None:
        self._curl = curl
        self._loop = asyncio.get_running_loop()
        self._body = bodies.open(self._resume)
        self._started = started
        self._deadline = deadline
        self._is_paused = False
        self._has_ended = False
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def seconds(self) -> float:
        """How long the body was held back."""
        return self._body.held_s(time.monotonic())

    def pauses(self) -> bool:
        """Whether libcurl has to pause now; then it keeps the bytes that it has just read."""
        if self._body.held_since is None:
            return False
        if not self._is_paused:
            self._is_paused = True
            self._loop.call_soon(self._stop_clock)
        return True

    def grew(self, size: int) -> None:
        """The body has ``size`` bytes now."""
        self._body.grew(size)

    def leave(self) -> None:
        """The transfer has ended, and its handle may get another one."""
        self._has_ended = True
        self._cancel_expiry()

    def end(self) -> None:
        """The body goes to its next owner, or is not needed."""
        self.leave()
        self._body.close()

    def _resume(self) -> None:
        if not self._is_paused or self._has_ended:
            return
        self._is_paused = False
        self._start_clock()
        self._pause(pycurl.PAUSE_CONT)

    def _stop_clock(self) -> None:
        if self._is_paused and not self._has_ended:
            self._cancel_expiry()
            self._curl.setopt(pycurl.TIMEOUT_MS, 0)

    def _start_clock(self) -> None:
        deadline = self._deadline + self.seconds
        self._curl.setopt(pycurl.TIMEOUT_MS, max(1, int((deadline - self._started) * 1000)))
        # libcurl looks at a changed timeout only when something happens to the transfer.
        left = max(0.0, deadline - time.monotonic()) + 0.005
        self._expiry = self._loop.call_later(left, self._look_again)

    def _look_again(self) -> None:
        if not self._is_paused:
            self._pause(pycurl.PAUSE_RECV)
            self._pause(pycurl.PAUSE_CONT)

    def _pause(self, mask: int) -> None:
        with suppress(pycurl.error):  # the transfer has just ended
            self._curl.pause(mask)

    def _cancel_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
