"""Sessions of several machines and days on one time axis. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec


class SessionSpan(msgspec.Struct, frozen=True):
    """A session from ``start`` to ``end`` (Unix time) that got so many ``responses``."""

    start: float
    end: float
    responses: int


class TimeAxis:
    """The time in which at least one session ran; the pauses between are cut out.

    ``length`` is in seconds.
    """

    def __init__(self, spans: Iterable[SessionSpan]) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._places: list[float] = []
        self.length = 0.0
        for start, end in sorted((each.start, each.end) for each in spans):
            self._add(start, end)

    def _add(self, start: float, end: float) -> None:
        if not self._ends or start > self._ends[-1]:
            self._starts.append(start)
            self._places.append(self.length)
            self._ends.append(start)
        longer = max(0.0, end - self._ends[-1])
        self._ends[-1] += longer
        self.length += longer

    def at(self, moment: float) -> float:
        """Return the place of ``moment`` (Unix time) in seconds; in a pause, that of its start."""
        number = bisect_right(self._starts, moment) - 1
        if number < 0:
            return 0.0
        return self._places[number] + min(moment, self._ends[number]) - self._starts[number]


def responses_per_second(spans: Sequence[SessionSpan], axis: TimeAxis, steps: int) -> list[float]:
    """The responses in each of ``steps`` equal steps, as if those of a session came evenly."""
    width = axis.length / steps
    found = [0.0] * steps
    for span in spans:
        start, end = axis.at(span.start), axis.at(span.end)
        if end > start:
            rate = span.responses / (end - start)
            for step in range(int(start / width), min(steps, int(end / width) + 1)):
                shared = min(end, (step + 1) * width) - max(start, step * width)
                found[step] += rate * max(0.0, shared) / width
    return found
