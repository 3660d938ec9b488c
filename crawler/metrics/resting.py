"""The hosts that rest, from the events of a crawl."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from crawler.model.events import Event, GaveUp, Held, Rested, Returned
from crawler.model.resting import RestingHost
from crawler.model.units import utc_now

KEPT = 10_000
"""Maximum number of hosts that are remembered; the one that rests longest is forgotten first."""


class RestingHosts:
    """One thread folds events, any thread may read."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._hosts: OrderedDict[str, RestingHost] = OrderedDict()
        self._silent: OrderedDict[str, RestingHost] = OrderedDict()
        self.last_silent = ""

    @property
    def silent(self) -> int:
        """Number of hosts from which nothing comes; ``last_silent`` is one of them."""
        return len(self._silent)

    def fold(self, event: Event) -> None:
        if isinstance(event, Held):
            self._rest(event.host, event.wait, f"status {event.status} with Retry-After")
        elif isinstance(event, Rested):
            self._hush(event)
        elif isinstance(event, Returned | GaveUp):
            self._silent.pop(event.host, None)
            self.last_silent = next(reversed(self._silent), "")

    def _hush(self, event: Rested) -> None:
        now, before = self._clock(), self._silent.get(event.host)
        since = now - timedelta(seconds=event.seconds) if before is None else before.since
        until = now + timedelta(seconds=event.wait)
        self._silent[event.host] = RestingHost(event.host, since, until, event.why.message)
        self.last_silent = event.host
        if len(self._silent) > KEPT:
            self._silent.popitem(last=False)

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
        resting += self._silent.copy().values()
        resting.sort(key=lambda each: each.since)
        return len(resting), tuple(resting[:most])
