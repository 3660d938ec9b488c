"""Holds the body of a blocking fetch back: its thread waits."""

import threading
import time

from crawler.model.body_budget import ArrivingBody, BodyBudget


class ThreadHold:
    """The back-pressure on one body. Another thread may call ``end``, or read ``seconds``."""

    def __init__(self, bodies: BodyBudget | None) -> None:
        self._bodies = bodies
        self._body: ArrivingBody | None = None
        self._has_room = threading.Event()
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

        A thread that waits does not any more. May be called twice.
        """
        self._has_ended = True
        self._has_room.set()
        if self._body is not None:
            self._body.close()
