"""The Crawl-delay of each host: a host name may have several origins, each with its robots.txt."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from crawler.model.urls import host_name

LOOKED_AT = 2
"""Number of origins whose rules were forgotten that are checked for each new one."""


class CrawlDelays:
    """The longest delay (seconds) that the origins of a host ask for; 0.0 if none asks."""

    def __init__(self) -> None:
        self._by_host: dict[str, dict[str, float]] = {}
        self._without_rules: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_host)

    def of(self, host: str) -> float:
        return max(self._by_host.get(host, {}).values(), default=0.0)

    def set(self, site: str, seconds: float | None) -> None:
        """The robots.txt of the origin ``site`` asks for ``seconds``, or for no delay."""
        self._without_rules.pop(site, None)
        if seconds:
            self._by_host.setdefault(host_name(site), {})[site] = seconds
        else:
            self.forget(site)

    def forget(self, site: str) -> None:
        host = host_name(site)
        delays = self._by_host.get(host, {})
        delays.pop(site, None)
        if not delays:
            self._by_host.pop(host, None)

    def forget_unused(self, sites: Iterable[str], is_used: Callable[[str], bool]) -> None:
        """The rules of the origins ``sites`` were forgotten: forget their delays once they are not
        used.

        Each call checks only a few, so that its time does not depend on how many there are.
        """
        waiting = self._without_rules
        waiting |= dict.fromkeys(sites)
        for _ in range(min(LOOKED_AT, len(waiting))):
            site = next(iter(waiting))
            if is_used(site):
                waiting.move_to_end(site)
            else:
                del waiting[site]
                self.forget(site)
