"""A host that is overloaded, or says so, is asked more slowly. Pure; ``now`` comes in.

The delay doubles on 429, 503 and timeouts and halves after ten good answers in a row, as a
congestion window does in reverse (RFC 5681): fast back, slowly on. How long an answer takes does
not count: slowing down what is slow would change what is measured.
"""

from collections import OrderedDict

import msgspec

from crawler.frontier.schedule import HostPolicy
from crawler.model.errors import FailureKind

LEAST = 0.5
"""Seconds between requests to a host that has been slowed down, at least."""
MOST = 60.0
"""Seconds beyond which a delay does not grow, unless so much was asked for."""
GOOD = 10
"""Good answers in a row that halve the delay."""
KEPT = 10_000
"""Hosts that are remembered as slow; past that, who was slowed down first is forgotten."""
SLOW_DOWN = frozenset({429, 503})


def is_overload(kind: FailureKind | None, status: int | None) -> bool:
    """Whether a request ended as it does when a server has too much to do."""
    return kind is FailureKind.TIMEOUT or status in SLOW_DOWN


class Pace:
    """The delay of one host; ``floor`` (seconds) is what it is when nothing is wrong."""

    __slots__ = ("_changed", "_good", "delay", "floor")

    def __init__(self, floor: float) -> None:
        self.floor = floor
        self.delay = floor
        self._good = 0
        self._changed = float("-inf")

    @property
    def is_slowed(self) -> bool:
        return self.delay > self.floor

    def outcome(
        self, kind: FailureKind | None, status: int | None, *, started: float, now: float
    ) -> float:
        """A request that ``started`` then has ended ``now``, with a failure ``kind`` or a status.

        Returns the delay from now on. Many requests that fail together are one reason to slow down,
        so one that began before the delay last grew is none.
        """
        if is_overload(kind, status):
            self._good = 0
            if started >= self._changed:
                self.delay = max(self.floor, min(MOST, max(LEAST, 2 * max(self.delay, self.floor))))
                self._changed = now
        elif status is not None and status < 500:
            self._good += 1
            if self._good >= GOOD:
                self._faster()
        return self.delay

    def _faster(self) -> None:
        self._good = 0
        half = self.delay / 2
        self.delay = half if half >= max(LEAST, self.floor) else self.floor


class Paces:
    """The hosts that have been slowed down; others take no memory and no time."""

    def __init__(self) -> None:
        self._slowed: OrderedDict[str, Pace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._slowed)

    def is_concerned(self, host: str, kind: FailureKind | None, status: int | None) -> bool:
        """Whether ``outcome`` can change anything for ``host``; nearly always it cannot."""
        return host in self._slowed or is_overload(kind, status)

    def policy(self, host: str, asked: HostPolicy) -> HostPolicy:
        """What holds for ``host``, of which ``asked`` is asked: slowed down, one at a time."""
        pace = self._slowed.get(host)
        if pace is None or pace.delay <= asked.delay:
            return asked
        return msgspec.structs.replace(asked, per_host=1, delay=pace.delay)

    def outcome(
        self,
        host: str,
        asked: HostPolicy,
        kind: FailureKind | None,
        status: int | None,
        *,
        started: float,
        now: float,
    ) -> HostPolicy | None:
        """A request to ``host`` has ended, as for ``Pace``: its policy from now on, if changed."""
        pace = self._slowed.get(host)
        if pace is None:
            if not is_overload(kind, status):
                return None
            pace = self._slowed[host] = Pace(asked.delay)
            if len(self._slowed) > KEPT:
                self._slowed.popitem(last=False)
        pace.floor = asked.delay
        before = pace.delay
        if pace.outcome(kind, status, started=started, now=now) == before:
            return None
        if not pace.is_slowed:
            del self._slowed[host]
        return self.policy(host, asked)
