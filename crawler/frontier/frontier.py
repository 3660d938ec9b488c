"""What is to be fetched, what is known, and what has become of it.

An *entry* is a URL of the input or of a followed link, unique by its key; entries are counted. A
*ticket* is one request for an entry (the first, a redirect's hop, a retry) or for a robots.txt.
"""

from collections.abc import Callable, Iterable

import msgspec

from crawler.errors import FetchError, SkipError
from crawler.frontier.schedule import HostPolicy, Schedule, Wait
from crawler.model import Counted, Link
from crawler.robots import Rules
from crawler.urls import authority, key, origin

ROBOTS_KEPT = 10_000
"""Origins whose robots.txt is remembered."""


class Entry(msgspec.Struct, frozen=True):
    """``seed`` is the input URL from which this one was reached; an input URL is its own."""

    id: int
    url: str
    depth: int
    seed: str


class Ticket(msgspec.Struct, frozen=True):
    """A request that may go. ``robots_of`` is the origin whose robots.txt it asks for, or None.

    ``since`` is when it could first have gone (monotonic). ``attempt`` counts from 1; ``resets``,
    which are no attempts, and ``hops`` from 0.
    """

    url: str
    host: str
    since: float
    entry: Entry | None = None
    robots_of: str | None = None
    attempt: int = 1
    resets: int = 0
    hops: int = 0

    @property
    def is_urgent(self) -> bool:
        """Whether it goes although its host waits: for it is what the host waits for."""
        return self.robots_of is not None


class Disallowed(msgspec.Struct, frozen=True):
    """The entry's turn came, and its site's robots.txt, or what became of it, forbids it."""

    entry: Entry
    why: FetchError | SkipError


class Frontier:
    """Keeps its state in memory. ``pending`` counts the entries without a final state."""

    def __init__(
        self,
        policy: Callable[[str], HostPolicy],
        *,
        robots: bool,
        rate: float | None = None,
    ) -> None:
        self._policy = policy
        self._schedule: Schedule[Ticket] = Schedule(self._host_policy, rate)
        self._robots: dict[str, Rules] | None = {} if robots else None
        self._delays: dict[str, float] = {}
        self._seen: set[int] = set()
        self._ids = 0
        self.pending = 0

    def add_input(self, urls: Iterable[str], now: float) -> Counted:
        """Canonical URLs from the input, in its order."""
        new = duplicates = 0
        for url in urls:
            if self.claim(key(url)):
                self._enter(url, 0, url, now)
                new += 1
            else:
                duplicates += 1
        return Counted(input=new, duplicates=duplicates)

    def add_links(self, links: Iterable[Link], depth: int, seed: str, now: float) -> Counted:
        """Links worth following, found on a page; ``depth`` is theirs."""
        new = 0
        for link in links:
            if self.claim(link.key):
                self._enter(link.url, depth, seed, now)
                new += 1
        return Counted(discovered=new)

    def claim(self, identity: int) -> bool:
        """Whether ``identity`` was not known; it is now."""
        before = len(self._seen)
        self._seen.add(identity)
        return len(self._seen) > before

    def _enter(self, url: str, depth: int, seed: str, now: float) -> None:
        self._ids += 1
        self.pending += 1
        host = authority(url)
        self._schedule.push(host, Ticket(url, host, now, Entry(self._ids, url, depth, seed)))

    def next(self, now: float) -> Ticket | Disallowed | Wait:
        """The next request that may go; its host's place and delay count from ``now``.

        A host's first is its robots.txt; nothing else of it goes before that is answered.
        """
        turn = self._schedule.next(now)
        if isinstance(turn, Wait):
            return turn
        allowed, ticket = turn
        if self._robots is not None and ticket.robots_of is None:
            site = origin(ticket.url)
            rules = self._robots.get(site)
            if rules is None:
                self._schedule.push(ticket.host, ticket, first=True)
                self._schedule.close(ticket.host)
                return Ticket(f"{site}/robots.txt", ticket.host, now, robots_of=site)
            refusal = rules.refusal(ticket.url)
            if refusal is not None:
                assert ticket.entry is not None
                self._schedule.give_back(ticket.host, allowed)
                return Disallowed(ticket.entry, refusal)
        if allowed <= ticket.since:
            return ticket
        return msgspec.structs.replace(ticket, since=allowed)

    def release(self, ticket: Ticket, now: float) -> None:
        """The request has ended, well or not: its host's place is free."""
        self._schedule.release(ticket.host, now)

    def redirect(self, ticket: Ticket, url: str, now: float) -> None:
        """The answer sent ``ticket`` on to ``url``: a new request, at the head of its host."""
        host = authority(url)
        hop = msgspec.structs.replace(ticket, url=url, host=host, since=now, hops=ticket.hops + 1)
        self._schedule.push(host, hop, first=True, urgent=hop.is_urgent)

    def repeat(self, ticket: Ticket, now: float) -> None:
        """Ask again at once: a kept connection died under the request."""
        again = msgspec.structs.replace(ticket, resets=ticket.resets + 1, since=now)
        self._schedule.push(ticket.host, again, first=True, urgent=again.is_urgent)

    def retry(self, ticket: Ticket, at: float) -> None:
        """Ask again, not before ``at``."""
        again = msgspec.structs.replace(ticket, attempt=ticket.attempt + 1, since=at)
        self._schedule.push_later(ticket.host, again, at, urgent=again.is_urgent)

    def finish(self, entry: Entry) -> None:
        """The entry has its final state."""
        self.pending -= 1

    def set_rules(self, site: str, rules: Rules) -> None:
        """The robots.txt of origin ``site`` is known; its host may go on."""
        assert self._robots is not None
        while len(self._robots) >= ROBOTS_KEPT:
            del self._robots[next(iter(self._robots))]
        self._robots[site] = rules
        host = authority(site)
        if rules.delay:
            self._delays[host] = rules.delay
            self._schedule.set_policy(host, self._host_policy(host))
        self._schedule.open(host)

    def _host_policy(self, host: str) -> HostPolicy:
        policy = self._policy(host)
        asked = self._delays.get(host, 0.0)
        return HostPolicy(1, max(policy.delay, asked)) if asked else policy
