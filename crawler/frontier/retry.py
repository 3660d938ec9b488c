"""Which failures are worth another try, and after how long. Pure."""

import random

from crawler.errors import Kind

FIRST_WAIT = 0.5
"""Seconds before the second try; each further wait is twice as long."""
LONGEST_WAIT = 60.0
PASSING = frozenset({Kind.DNS, Kind.CONNECT, Kind.RESET, Kind.TIMEOUT, Kind.TRUNCATED, Kind.STATUS})
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class Retry:
    """``retries`` more tries for what may pass by itself."""

    def __init__(self, retries: int, rng: random.Random) -> None:
        self._retries = retries
        self._rng = rng

    def wait(self, kind: Kind, status: int | None, attempt: int) -> float | None:
        """Seconds to wait after try number ``attempt`` failed; None: give up."""
        if attempt > self._retries or kind not in PASSING:
            return None
        if kind is Kind.STATUS and status not in PASSING_STATUS:
            return None
        longest: float = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
        return longest * self._rng.uniform(0.5, 1.0)
