"""How the fetch slots were used, in slot-seconds."""

from crawler.metrics.report import SlotSeconds
from crawler.model.events import Idle


class Slots:
    """Adds up the time of used slots, and of free slots by reason.

    The parts add up to ``concurrency`` times the time from ``started`` to the last ``close``.
    """

    def __init__(self, concurrency: int, started: float) -> None:
        self.in_flight = 0
        self._concurrency = concurrency
        self._since = started
        self._reason: Idle = "starved"
        self._used = 0.0
        self._is_parse_full = self._is_memory_full = False
        self._parsing = 0.0
        self.memory = 0.0
        """The part of back-pressure in which bodies that arrived waited for room."""
        self._is_silent = False
        self._silent = 0.0
        self._idle: dict[Idle, float] = {"politeness": 0.0, "starved": 0.0, "backpressure": 0.0}

    def close(
        self,
        now: float,
        in_flight: int,
        idle: Idle,
        *,
        parse_full: bool = False,
        memory_full: bool = False,
        silent: bool = False,
    ) -> None:
        """From ``now`` on ``in_flight`` slots are used; the others are free because of ``idle``."""
        elapsed = now - self._since
        if elapsed > 0.0:
            used = min(self.in_flight, self._concurrency)
            self._used += elapsed * used
            free = elapsed * (self._concurrency - used)
            self._idle[self._reason] += free
            self._parsing += free * self._is_parse_full
            self.memory += free * self._is_memory_full
            self._silent += free * self._is_silent
            self._since = now
        self.in_flight = in_flight
        self._reason = idle
        self._is_parse_full, self._is_memory_full = parse_full, memory_full
        self._is_silent = silent

    def end(self, now: float) -> SlotSeconds:
        """Close the last interval at ``now`` and return the parts."""
        self.close(now, self.in_flight, self._reason)
        return SlotSeconds(
            used=self._used, **self._idle, parsing=self._parsing, silent=self._silent
        )
