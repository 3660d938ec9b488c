"""Holds a body of aiohttp back: its connection is not read, and its deadline moves."""

import asyncio
import time
from collections.abc import Callable

from crawler.model.body_budget import ArrivingBody, BodyBudget


class ExchangeHold:
    """The back-pressure on the body of one exchange. Used on the thread of the event loop."""

    def __init__(self, bodies: BodyBudget | None) -> None:
        self._bodies = bodies
        self._body: ArrivingBody | None = None
        self._deadline: asyncio.Timeout | None = None
        self._until: float | None = None

    @property
    def seconds(self) -> float:
        """How long the body was held back."""
        return 0.0 if self._body is None else self._body.held_s(time.monotonic())

    @property
    def is_held(self) -> bool:
        return self._body is not None and self._body.held_since is not None

    def grew(self, size: int, resume: Callable[[], None]) -> bool:
        """``size`` bytes have arrived; whether to read on. If not, ``resume`` is called later."""
        if self._bodies is None:
            return True
        if self._body is None:
            self._body = self._bodies.open(lambda: self._resume(resume))
        if not self.is_held and not self._body.grew(size):
            self._stop_clock()
        return not self.is_held

    def watch(self, deadline: asyncio.Timeout) -> None:
        """From now on the fetch has this deadline."""
        self._deadline = deadline
        if self.is_held:
            self._stop_clock()

    def end(self) -> None:
        """The fetch has ended, or its connection. May be called twice."""
        self._deadline = None
        if self._body is not None:
            self._body.close()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._until = self._deadline.when()
            self._stopped = self.seconds
            self._deadline.reschedule(None)

    def _resume(self, resume: Callable[[], None]) -> None:
        if self._deadline is not None and self._until is not None:
            self._deadline.reschedule(self._until + self.seconds - self._stopped)
        resume()
