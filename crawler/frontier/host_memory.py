"""What a resume knows from earlier sessions, above all about hosts. Pure."""

import math
from collections.abc import Callable

from crawler.frontier.entry import Continuation
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.learned import NOTHING, HostRecord, Learned
from crawler.frontier.retry import LONGEST_PAUSE

UNSEEN = 1.5
"""Seconds after the last commit in which a killed session may still have sent requests."""


class HostMemory:
    """What earlier sessions knew, and when each host may be asked again.

    After an end in order that is known of each host. A session that was killed may have asked any
    host shortly after its last commit, so all hosts wait for their delay from then on.
    """

    def __init__(
        self,
        learned: Learned = NOTHING,
        committed: float | None = None,
        unix_time: float = 0.0,
        now: float = 0.0,
        *,
        is_exact: bool = False,
    ) -> None:
        """The last commit was at ``committed`` (Unix time; None: there is no earlier session).

        It is now ``unix_time``, and ``now`` on the monotonic clock. ``is_exact``: the last session
        has ended in order, with the same delays.
        """
        self.learned = learned
        # A clock that was set back would make all waits longer.
        self.unix_time = unix_time if committed is None else max(unix_time, committed)
        self.now = now
        self.hosts = {record.host: record for record in learned.hosts}
        self._committed = committed
        self._is_exact = is_exact

    @property
    def answered(self) -> tuple[str, ...]:
        """The hosts that have answered in the run."""
        return tuple(host for host, record in self.hosts.items() if record.answered)

    def continues_at(self, entry: Continuation) -> float:
        """Return when ``entry`` may continue (monotonic seconds); it came before this session."""
        return self.now + min(entry.not_before - self.unix_time, LONGEST_PAUSE)

    def not_before(self, host: str, policy: HostPolicy) -> float:
        """Return when ``host`` may get its first request (monotonic seconds, 0 for at once).

        No host waits longer than for its delay or a Retry-After, even if a clock was set back.
        """
        if self._committed is None:
            return 0.0
        record = self.hosts.get(host)
        until = delay = 0.0
        if record is not None:
            until, delay = record.until, max(record.delay, record.pace)
        delay = max(delay, policy.delay)
        if delay and not self._is_exact:
            until = max(until, self._committed + UNSEEN + delay)
        wait = min(until - self.unix_time, max(LONGEST_PAUSE, delay + UNSEEN))
        return self.now + wait if wait > 0 else 0.0


class HostChanges:
    """The hosts of which a resume must know more than after the last commit."""

    def __init__(self, delay: Callable[[str], float], pace: Callable[[str], float]) -> None:
        """``delay`` and ``pace`` return those of a host, as in ``HostRecord``."""
        self._delay = delay
        self._pace = pace
        self._changed: set[str] = set()
        self._answered: set[str] = set()
        self._until: dict[str, float] = {}

    def note(self, host: str) -> None:
        """The delay of ``host`` has changed."""
        self._changed.add(host)

    def answer(self, host: str) -> None:
        """``host`` has answered for the first time."""
        self._changed.add(host)
        self._answered.add(host)

    def hold(self, host: str, until: float) -> None:
        """``host`` wants no request before ``until`` (monotonic seconds)."""
        self._changed.add(host)
        self._until[host] = until

    def take(self, now: float, unix_time: float) -> list[HostRecord]:
        """Return the hosts that changed since the last call."""
        changed, self._changed = self._changed, set()
        answered, self._answered = self._answered, set()
        self._until = {host: until for host, until in self._until.items() if until > now}
        return [
            HostRecord(
                host,
                max(0.0, self._until.get(host, -math.inf) - now + unix_time),
                self._delay(host),
                self._pace(host),
                host in answered,
            )
            for host in changed
        ]
