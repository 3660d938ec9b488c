"""The hosts that rest, from the events of a crawl."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from crawler.model.events import Event, Held
from crawler.model.resting import RestingHost
from crawler.model.units import utc_now

KEPT = 10_000
"""Maximum number of hosts that are remembered; the one that rests longest is forgotten first."""


class RestingHosts:
    """One thread folds events, any thread may read."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._hosts: OrderedDict[str, RestingHost] = OrderedDict()

    def fold(self, event: Event) -> None:
        if isinstance(event, Held):
            self._rest(event.host, event.wait, f"status {event.status} with Retry-After")

    def _rest(self, host: str, wait: float, why: str) -> None:
        now = self._clock()
        before = self._hosts.pop(host, None)
        since = before.since if before is not None and before.until >= now else now
        self._hosts[host] = RestingHost(host, since, now + timedelta(seconds=wait), why)
        if len(self._hosts) > KEPT:
            self._hosts.popitem(last=False)

    def now(self, most: int) -> tuple[int, tuple[RestingHost, ...]]:
        """Return how many hosts rest now, and at most ``most`` of them, longest first."""
        now = self._clock()
        resting = [each for each in self._hosts.copy().values() if each.until > now]
        resting.sort(key=lambda each: each.since)
        return len(resting), tuple(resting[:most])
