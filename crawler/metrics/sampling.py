"""Estimates the time of a run for one page at a time, from a measured sample."""

import random
from collections.abc import Sequence

from crawler.metrics.report import Baseline
from crawler.model.events import Fetched

_RESAMPLES = 2000


class Sample:
    """URLs of up to ``size`` answered requests, a uniform sample of all (reservoir sampling).

    ``seen`` is the number of answered requests.
    """

    def __init__(self, size: int, rng: random.Random) -> None:
        self.urls: list[str] = []
        self.seen = 0
        self._size = size
        self._rng = rng

    def add(self, event: Fetched) -> None:
        if event.status is None:
            return
        self.seen += 1
        if len(self.urls) < self._size:
            self.urls.append(event.url)
            return
        place = self._rng.randrange(self.seen)
        if place < self._size:
            self.urls[place] = event.url


def estimate(times: Sequence[float], total: int, wall: float, rng: random.Random) -> Baseline:
    """Sequential time of ``total`` URLs, from the ``times`` (seconds each) of a random sample.

    The 95 % interval is the percentile bootstrap of the mean (Efron 1979); with fewer than about
    ten times it is too narrow, with one it has no width. ``wall`` is the wall time of the run in
    seconds. Raises ValueError if there are no times or ``wall`` is not positive.
    """
    if not times or wall <= 0:
        raise ValueError("a baseline needs a measured sample and a run that took time")
    from statistics import fmean

    size = len(times)
    means = sorted(fmean(rng.choices(times, k=size)) for _ in range(_RESAMPLES))
    sequential = total * fmean(times)
    return Baseline(
        sample=size,
        sequential_s=sequential,
        low_s=total * means[round(0.025 * _RESAMPLES)],
        high_s=total * means[round(0.975 * _RESAMPLES) - 1],
        speedup=sequential / wall,
    )
