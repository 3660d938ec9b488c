"""The Crawl-delay of each host: a host name may have several origins, each with its robots.txt."""

from crawler.model.urls import host_name


class CrawlDelays:
    """The longest delay (seconds) that the origins of a host ask for; 0.0 if none asks."""

    def __init__(self) -> None:
        self._by_host: dict[str, dict[str, float]] = {}

    def __len__(self) -> int:
        return len(self._by_host)

    def of(self, host: str) -> float:
        return max(self._by_host.get(host, {}).values(), default=0.0)

    def set(self, site: str, seconds: float | None) -> None:
        """The robots.txt of the origin ``site`` asks for ``seconds``, or for no delay."""
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
