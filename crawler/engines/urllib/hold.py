"""Holds the body of a fetch back that waits where it reads: on a thread, or a greenlet."""

import threading
import time
from typing import Protocol

from crawler.model.body_budget import ArrivingBody, BodyBudget


class Signal(Protocol):
    """What ``threading.Event`` has of it. ``set`` may be called by any thread."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def wait(self) -> object: ...


class BodyHold:
    """The back-pressure on one body. Another thread may call ``end``, or read ``seconds``."""

    def __init__(self, bodies: BodyBudget | None, has_room: Signal | None = None) -> None:
        self._bodies = bodies
        self._body: ArrivingBody | None = None
        self._has_room: Signal = has_room or threading.Event()
        self._has_ended = False

    @property
    def seconds(self) -> float:
        """How long the body was held back."""
        return 0.0 if self._body is None else self._body.held_s(time.monotonic())

    def grew(self, size: int) -> None:
        """The body has ``size`` bytes now. Waits while it is held back."""
        if self._bodies is None:
            return
        if self._body is None:
            self._body = self._bodies.open(self._has_room.set)
        self._has_room.clear()
        if not self._body.grew(size) and not self._has_ended:
            self._has_room.wait()
        if self._has_ended:
            self._body.close()

    def end(self) -> None:
        """The fetch has ended, and its body has gone to its next owner, or is not needed.

        A reader that waits does not any more. May be called twice.
        """
        self._has_ended = True  # first: a body that is opened from now on is not waited for
        if self._body is not None:
            self._has_room.set()
            self._body.close()
