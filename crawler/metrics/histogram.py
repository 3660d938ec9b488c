"""Percentiles of any number of durations in fixed memory."""

import math
from array import array
from collections.abc import Mapping

from crawler.metrics.report import Latency

LOW = 1e-5
HIGH = 3600.0
_GROWTH = 1.019
"""Width of a bucket; its geometric middle is within 1 % of everything in it."""
_STEP = math.log(_GROWTH)
_OFFSET = math.log(LOW)
BUCKETS = math.ceil((math.log(HIGH) - _OFFSET) / _STEP)


class Histogram:
    """Durations in seconds, in log-spaced buckets (8 KB).

    A percentile is within 1 % of the duration at its rank. Durations below ``LOW`` or above
    ``HIGH`` seconds count as these bounds. ``max`` is exact.
    """

    def __init__(self) -> None:
        self.max = 0.0
        self._counts = array("Q", bytes(8 * BUCKETS))

    def add(self, seconds: float) -> None:
        if seconds > self.max:
            self.max = seconds
        bucket = int((math.log(seconds) - _OFFSET) / _STEP) if seconds > LOW else 0
        self._counts[bucket if bucket < BUCKETS else -1] += 1

    def counts(self) -> dict[int, int]:
        """Return the number of durations by bucket, without empty buckets."""
        return {bucket: count for bucket, count in enumerate(self._counts) if count}

    def merge(self, counts: Mapping[int, int], longest: float) -> None:
        """Add the ``counts`` of another histogram, whose ``max`` is ``longest``."""
        for bucket, count in counts.items():
            self._counts[bucket] += count
        self.max = max(self.max, longest)

    def quantile(self, q: float) -> float:
        """The duration at nearest rank ``ceil(q * count)``, 0 < q <= 1; 0 if there are none."""
        rank = max(1, math.ceil(q * sum(self._counts)))
        for bucket, count in enumerate(self._counts):
            rank -= count
            if rank <= 0:
                return min(math.exp(_OFFSET + _STEP * (bucket + 0.5)), self.max)
        return 0.0

    def percentiles(self) -> Latency:
        """In milliseconds."""
        p50, p90, p99 = (self.quantile(q) * 1e3 for q in (0.5, 0.9, 0.99))
        return Latency(p50=p50, p90=p90, p99=p99, max=self.max * 1e3)
