"""Many hosts: what is kept for each of them is bounded."""

from collections import Counter
from typing import Any

import pytest
from e2e.promises.conftest import GOOD, Crawled

from crawler.app import assemble
from crawler.fetch import dns
from crawler.fetch.addresses import AddressRules
from crawler.fetch.network import Resolver
from crawler.frontier import frontier, robots_memory
from crawler.frontier.robots import from_answer
from crawler.testing import Answer, MockWeb, Seen

HOSTS = 5_000
KEPT = 400
"""Of names and of robots.txt; a run keeps 10,000, which would take too long here."""
AHEAD = 1_000
"""Hosts with requests in memory: what is read ahead of the fetching, and what is on its way."""
RULES = Answer(body=b"User-agent: *\nCrawl-delay: 0.01\nDisallow: /no")
RULES_SIZE = from_answer(200, RULES.body, "c").size
PAGE = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())


class Watched(MockWeb):
    """Looks, at each request, how much is kept."""

    def __init__(self) -> None:
        super().__init__(self._look)
        self.most: Counter[str] = Counter()
        self.frontier: Any = None
        self.resolvers: list[Any] = []

    def resolver(self, rules: AddressRules) -> Resolver:
        self.resolvers.append(super().resolver(rules))
        return self.resolvers[-1]  # type: ignore[no-any-return]

    def _look(self, seen: Seen) -> Answer:
        kept = {
            "names": len(self.resolvers[0]._known),
            "robots": len(self.frontier._robots),
            "delays": len(self.frontier._policies._delays),
            "hosts": self.frontier._schedule.hosts,
        }
        for name, count in kept.items():
            self.most[name] = max(self.most[name], count)
        return RULES if seen.target == "/robots.txt" else PAGE


@pytest.mark.promise("P23")
@pytest.mark.engines("curl")
def test_state_for_thousands_of_hosts_is_bounded(
    crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "CACHED_NAMES", KEPT)
    monkeypatch.setattr(robots_memory, "MOST_BYTES", KEPT * RULES_SIZE)
    web = Watched()

    def watched(*arguments: Any, **options: Any) -> frontier.Frontier:
        web.frontier = frontier.Frontier(*arguments, **options)
        return web.frontier  # type: ignore[no-any-return]

    monkeypatch.setattr(assemble, "Frontier", watched)
    urls = [f"http://host{number}.example/" for number in range(HOSTS)]
    with web:
        run = crawled(urls, engine=engine, parse="inline")
    assert len(run.pages) == HOSTS
    assert Counter(seen.target for seen in web.seen) == {"/robots.txt": HOSTS, "/": HOSTS}
    assert web.most["names"] == KEPT
    assert KEPT <= web.most["robots"] <= AHEAD
    assert web.most["delays"] <= AHEAD
    assert web.most["hosts"] <= AHEAD
