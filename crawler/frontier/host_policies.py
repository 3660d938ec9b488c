"""The limits of each host: from the settings, its Crawl-delay and its pace. Pure."""

from collections.abc import Callable, Iterable

import msgspec

from crawler.frontier.crawl_delay import CrawlDelays
from crawler.frontier.host_memory import HostChanges, HostMemory
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.pace import Paces
from crawler.frontier.ticket import RequestEnd
from crawler.model.urls import host_name


class HostPolicies:
    """``changes`` collects what the next session must know about hosts."""

    def __init__(self, usual: Callable[[str], HostPolicy], memory: HostMemory) -> None:
        """``usual`` returns the limits for a host name; ``memory`` has those of sessions before."""
        self._usual = usual
        self._delays = CrawlDelays()
        self._paces = Paces()
        self.changes = HostChanges(self._delays.of, self._paces.delay)
        for record in memory.learned.hosts:
            if record.pace:
                self._paces.restore(record.host, record.pace)
        for robots in memory.learned.robots:
            self._delays.set(robots.site, robots.delay)

    def of(self, host: str) -> HostPolicy:
        return self._paces.policy(host, self._unslowed(host))

    def _unslowed(self, host: str) -> HostPolicy:
        policy = self._usual(host)
        crawl_delay = self._delays.of(host)
        if not crawl_delay:
            return policy
        return msgspec.structs.replace(policy, per_host=1, delay=max(policy.delay, crawl_delay))

    def set_crawl_delay(self, site: str, seconds: float | None) -> bool:
        """The origin ``site`` asks for this delay, or for none.

        Return whether its host has a Crawl-delay, or had one before.
        """
        host = host_name(site)
        before = self._delays.of(host)
        self._delays.set(site, seconds)
        is_delayed = bool(before or self._delays.of(host))
        if is_delayed:
            self.changes.note(host)
        return is_delayed

    def crawl_delay(self, host: str) -> float:
        """Return the longest Crawl-delay of ``host`` in seconds, or 0."""
        return self._delays.of(host)

    def forget_unused(self, sites: Iterable[str], is_used: Callable[[str], bool]) -> None:
        """See ``CrawlDelays.forget_unused``."""
        self._delays.forget_unused(sites, is_used)

    def is_concerned(self, host: str, end: RequestEnd) -> bool:
        """Whether ``ended`` can change the limits of ``host``; nearly always it cannot."""
        return self._paces.is_concerned(host, end.kind, end.status)

    def ended(self, host: str, end: RequestEnd, now: float) -> HostPolicy | None:
        """A request has ended with ``end``. Return the new limits of ``host`` if they changed."""
        policy = self._paces.outcome(
            host, self._unslowed(host), end.kind, end.status, started=end.started, now=now
        )
        if policy is not None:
            self.changes.note(host)
        return policy
