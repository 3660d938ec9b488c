"""Percentiles of any number of durations in fixed memory."""

import math
from array import array

LOW = 1e-5
HIGH = 3600.0
_GROWTH = 1.019
"""Width of a bucket; its geometric middle is within 1 % of everything in it."""
_STEP = math.log(_GROWTH)
_OFFSET = math.log(LOW)
_BUCKETS = math.ceil((math.log(HIGH) - _OFFSET) / _STEP)


class Histogram:
    """Durations in seconds, in log-spaced buckets (8 KB).

    A percentile is within 1 % of the duration at its rank. Durations below ``LOW`` or above
    ``HIGH`` seconds count as these bounds. ``max`` is exact.
    """

    def __init__(self) -> None:
        self.max = 0.0
        self._counts = array("Q", bytes(8 * _BUCKETS))

    def add(self, seconds: float) -> None:
        if seconds > self.max:
            self.max = seconds
        bucket = int((math.log(seconds) - _OFFSET) / _STEP) if seconds > LOW else 0
        self._counts[bucket if bucket < _BUCKETS else -1] += 1

    def quantile(self, q: float) -> float:
        """The duration at nearest rank ``ceil(q * count)``, 0 < q <= 1; 0 if there are none."""
        rank = max(1, math.ceil(q * sum(self._counts)))
        for bucket, count in enumerate(self._counts):
            rank -= count
            if rank <= 0:
                return min(math.exp(_OFFSET + _STEP * (bucket + 0.5)), self.max)
        return 0.0
