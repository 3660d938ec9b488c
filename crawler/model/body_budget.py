"""Limits the memory of bodies while they arrive: back-pressure on reading them.

A request starts before the size of its body is known. So while bodies arrive, each asks whether it
may be read on; a body for which there is no room is held back. The oldest ones may use more room
than the others, so that some body always comes to its end, and bodies never wait for each other.
"""

import threading
import time
from collections.abc import Callable
from itertools import islice

from crawler.model.callbacks import Wake

FREE_BYTES = 64 * 1024
"""A body up to this size neither counts nor asks: most bodies cost nothing."""
_OLDEST = 8
"""Number of bodies that may also use the last quarter of the limit."""
_STEP = 256 * 1024
"""Bytes of room for which one more body is read on."""


class ArrivingBody:
    """One body that became larger than ``FREE_BYTES``; made by ``BodyBudget.open``."""

    def __init__(self, budget: "BodyBudget", resume: Callable[[], None]) -> None:
        self._budget = budget
        self._held_s = 0.0
        self.resume = resume
        self.size = 0
        self.held_since: float | None = None

    def grew(self, size: int) -> bool:
        """The body has ``size`` bytes now; return whether it may be read on.

        If not, do not read, and do not count the time, until ``resume`` is called.
        """
        return self._budget.take(self, size - self.size)

    def close(self) -> None:
        """The body is complete, or not needed. May be called twice."""
        self._budget.close(self)

    def held_s(self, now: float) -> float:
        """Seconds for which it was held back, until ``now`` (monotonic)."""
        since = self.held_since
        return self._held_s if since is None else self._held_s + now - since

    def let_go(self, now: float) -> None:
        self._held_s, self.held_since = self.held_s(now), None


class BodyBudget:
    """``limit`` bytes for all bodies that arrive and for those that later stages hold.

    It is exceeded by one body at most, and only while the later stages hold nothing: then nothing
    else could free memory. ``update`` and ``start`` belong to one thread, which also calls the
    ``resume`` of bodies; the other methods may be called by any.
    """

    def __init__(self, limit: int) -> None:
        # A quarter is for the copies that are made when a body moves on.
        self._most = limit * 3 // 4
        self._usual = limit // 2
        self._lock = threading.Lock()
        self._bodies: dict[ArrivingBody, None] = {}  # the oldest first
        self._later = 0
        self._wake: Wake = _ignore
        self.arriving = 0
        """Bytes of the bodies that arrive."""
        self.held = 0
        """Number of bodies that are held back."""

    def start(self, wake: Wake) -> None:
        """``wake`` is called, by any thread, when a body was held back: then call ``update``."""
        self._wake = wake

    def update(self, later: int) -> None:
        """The later stages hold ``later`` bytes now. Lets bodies go on for which there is room."""
        self._later = later
        if not self.held:
            return
        with self._lock:
            resumed = self._let_go()
        for body in resumed:
            body.resume()

    def open(self, resume: Callable[[], None]) -> ArrivingBody:
        """A body became larger than ``FREE_BYTES``. Its ``close`` must be called in any case."""
        body = ArrivingBody(self, resume)
        with self._lock:
            self._bodies[body] = None
        return body

    def take(self, body: ArrivingBody, size: int) -> bool:
        with self._lock:
            if body not in self._bodies:  # it was closed by another thread
                return True
            body.size += size
            self.arriving += size
            used = self.arriving + self._later
            if used <= self._usual or self._fits(self._age(body), used):
                return True
            body.held_since = time.monotonic()
            self.held += 1
        self._wake()
        return False

    def close(self, body: ArrivingBody) -> None:
        with self._lock:
            if body not in self._bodies:
                return
            del self._bodies[body]
            self.arriving -= body.size
            if body.held_since is not None:
                self._end_hold(body)

    def _age(self, body: ArrivingBody) -> int:
        """How many bodies are older, as far as it matters."""
        older = (age for age, each in enumerate(islice(self._bodies, _OLDEST)) if each is body)
        return next(older, _OLDEST)

    def _fits(self, age: int, used: int) -> bool:
        """Whether a body may be read on, if all bodies use so many bytes."""
        if used <= (self._most if age < _OLDEST else self._usual):
            return True
        return age == 0 and not self._later

    def _let_go(self) -> list[ArrivingBody]:
        used = self.arriving + self._later
        found = []
        for age, body in enumerate(self._bodies):
            if body.held_since is not None and self._fits(age, used):
                self._end_hold(body)
                found.append(body)
                used += _STEP
        return found

    def _end_hold(self, body: ArrivingBody) -> None:
        body.let_go(time.monotonic())
        self.held -= 1


def _ignore() -> None:
    pass
