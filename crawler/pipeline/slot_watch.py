"""Looks at the slots a few times per second: requests that are held up make room for others."""

import asyncio
import time
from collections.abc import Callable

from crawler.frontier.frontier import Frontier
from crawler.frontier.held_up import FirstByteWait
from crawler.model.callbacks import Wake

EVERY = 0.25
"""Seconds between two looks."""
BUSY = 0.5
"""Above this share of CPU time, responses may wait for us; then no host is called silent."""


def can_judge(elapsed: float, cpu: float) -> bool:
    """Whether a server is late, and not we: ``cpu`` of the last ``elapsed`` seconds were used.

    If the look itself comes late, the process or its machine was suspended, or the loop was busy.
    """
    return elapsed < 2 * EVERY and cpu < BUSY * elapsed


class SlotWatch:
    """Interrupts requests of silent hosts, if others need their slots."""

    def __init__(self, frontier: Frontier, allowed: Callable[[], int | None], wake: Wake) -> None:
        """``allowed`` returns how many held-up requests may keep their slots (None: all).

        ``wake`` fills the slots again.
        """
        self._frontier = frontier
        self._allowed = allowed
        self._wake = wake
        self._tasks: dict[FirstByteWait, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Begin on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._set_timer(time.monotonic())

    def stop(self) -> None:
        self._timer.cancel()

    def add(self, wait: FirstByteWait, task: asyncio.Task[None]) -> None:
        """``task`` runs the request of ``wait``."""
        self._tasks[wait] = task

    def remove(self, wait: FirstByteWait) -> None:
        """The request has ended."""
        self._tasks.pop(wait, None)

    def _set_timer(self, now: float) -> None:
        self._looked, self._cpu = now, time.process_time()
        self._timer = self._loop.call_later(EVERY, self._look)

    def _look(self) -> None:
        now = time.monotonic()
        if can_judge(now - self._looked, time.process_time() - self._cpu):
            self._frontier.look(now)
            self._make_room(now)
        self._set_timer(now)
        self._wake()

    def _make_room(self, now: float) -> None:
        allowed = self._allowed()
        for wait in () if allowed is None else self._frontier.in_the_way(allowed, now):
            wait.interrupt()
            self._tasks[wait].cancel()
