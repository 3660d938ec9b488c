"""Slows down the requests to an overloaded host. Pure: ``now`` is passed in.

The delay doubles on 429, 503 and timeouts and halves after ten good responses in a row, as in TCP
congestion control (RFC 5681): quick to slow down, slow to speed up. The response time does not
count: a longer delay for slow hosts would change what the crawler measures.
"""

from collections import OrderedDict

import msgspec

from crawler.frontier.host_queue import HostPolicy
from crawler.model.errors import FailureKind

LEAST = 0.5
"""Minimum delay (seconds) between requests to a slowed host."""
MOST = 60.0
"""Maximum delay (seconds) of a slowed host, unless its usual delay is longer."""
GOOD = 10
"""Good responses in a row that halve the delay."""
KEPT = 10_000
"""Maximum number of slowed hosts; the one that was slowed first is forgotten first."""
SLOW_DOWN = frozenset({429, 503})


def is_overload(kind: FailureKind | None, status: int | None) -> bool:
    """Whether the result of a request is a sign of an overloaded server."""
    return kind is FailureKind.TIMEOUT or status in SLOW_DOWN


class Pace:
    """The delay of one host in seconds; ``floor`` is its usual delay."""

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
        """A request ended with a failure ``kind`` or a ``status``. Return the new delay (seconds).

        ``started`` and ``now`` are monotonic seconds. Requests that fail together count once: one
        that started before the last increase does not increase the delay again.
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
    """The slowed hosts; other hosts need no memory and no time."""

    def __init__(self) -> None:
        self._slowed: OrderedDict[str, Pace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._slowed)

    def restore(self, host: str, delay: float) -> None:
        """``host`` was slowed to ``delay`` in an earlier session."""
        self._slowed[host] = pace = Pace(0.0)
        pace.delay = delay

    def delay(self, host: str) -> float:
        """Return the delay of a slowed host, or 0."""
        pace = self._slowed.get(host)
        return 0.0 if pace is None else pace.delay

    def is_concerned(self, host: str, kind: FailureKind | None, status: int | None) -> bool:
        """Whether ``outcome`` can change the policy of ``host``; nearly always it cannot."""
        return host in self._slowed or is_overload(kind, status)

    def policy(self, host: str, usual: HostPolicy) -> HostPolicy:
        """Return the policy of ``host``: ``usual``, or one request at a time if it is slowed."""
        pace = self._slowed.get(host)
        if pace is None or pace.delay <= usual.delay:
            return usual
        return msgspec.structs.replace(usual, per_host=1, delay=pace.delay)

    def outcome(
        self,
        host: str,
        usual: HostPolicy,
        kind: FailureKind | None,
        status: int | None,
        *,
        started: float,
        now: float,
    ) -> HostPolicy | None:
        """A request to ``host`` ended, as in ``Pace.outcome``. Return its new policy if changed."""
        pace = self._slowed.get(host)
        if pace is None:
            if not is_overload(kind, status):
                return None
            pace = self._slowed[host] = Pace(usual.delay)
            if len(self._slowed) > KEPT:
                self._slowed.popitem(last=False)
        pace.floor = usual.delay
        before = pace.delay
        if pace.outcome(kind, status, started=started, now=now) == before:
            return None
        if not pace.is_slowed:
            del self._slowed[host]
        return self.policy(host, usual)
