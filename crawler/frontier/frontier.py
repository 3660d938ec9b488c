"""Decides which request is sent next, and when. Pure: ``now`` (monotonic seconds) is passed in.

Its parts are the schedule of the hosts, the pace of slowed hosts, the rules of robots.txt, and the
window of entries in memory. Every request is a ticket.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from crawler.frontier.crawl_delay import CrawlDelays
from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Entry
from crawler.frontier.held_up import FirstByteWait, HeldUp
from crawler.frontier.memory_window import MemoryWindow
from crawler.frontier.pace import SLOW_DOWN, Paces, is_overload
from crawler.frontier.robots import Rules
from crawler.frontier.robots_memory import RobotsMemory
from crawler.frontier.schedule import HostPolicy, Schedule, Wait
from crawler.frontier.ticket import (
    Disallowed,
    DocumentTicket,
    EntryTicket,
    RequestEnd,
    RobotsTicket,
    Ticket,
)
from crawler.model.errors import FailureKind
from crawler.model.events import Held, Notice, Slowed
from crawler.model.exchange import FetchResult
from crawler.model.urls import host_name, origin

DELAYS_LOOKED_AT = 2
"""Number of origins whose rules were forgotten that are checked for each new one."""

_NORMAL_END = RequestEnd()


class Frontier:
    """The entries and requests in memory. ``pending`` counts all entries without a final state."""

    def __init__(
        self,
        policy: Callable[[str], HostPolicy],
        *,
        robots: bool,
        slots: int = 1,
        rate: float | None = None,
        window: MemoryWindow | None = None,
        depth_order: DepthOrder | None = None,
        pending: int = 0,
    ) -> None:
        """``policy`` returns the limits for a host name; ``rate`` is in requests/s.

        ``slots`` is the maximum number of requests in flight. ``window`` knows which entries wait
        on disk, ``pending`` is the number of entries that are not final. With ``depth_order`` all
        pages of one depth are requested before the next depth.
        """
        self._policy = policy
        self._held_up = HeldUp(slots)
        self._schedule: Schedule[Ticket] = Schedule(self._host_policy, rate, self._held_up.standing)
        self._robots = RobotsMemory() if robots else None
        self._forgotten: OrderedDict[str, None] = OrderedDict()
        self._delays = CrawlDelays()
        self._paces = Paces()
        self._depth_order = depth_order
        self.window = window or MemoryWindow()
        self.pending = pending

    def __repr__(self) -> str:
        return f"Frontier({self.pending} pending, {self.window.held} in memory, {self._schedule!r})"

    @property
    def waiting(self) -> int:
        """Number of requests in memory that are not sent yet."""
        return self._schedule.waiting

    def entered(self, depths: Sequence[int]) -> None:
        """Count new entries with these depths; they may be on disk."""
        self.pending += len(depths)
        if self._depth_order is not None:
            self._depth_order.entered(depths)

    def add(self, entries: Iterable[Entry], now: float) -> None:
        """Queue ``entries``, for which ``window`` has reserved places."""
        if self._depth_order is not None:
            self._depth_order.hold(entries)
            entries = self._depth_order.release()
        for entry in entries:
            host = entry.host
            self._schedule.push(host, EntryTicket(entry.url, host, now, entry=entry))

    def add_document(self, url: str, now: float, deliver: Callable[[FetchResult], None]) -> None:
        """Queue a document of the input at the head of its host; it is not an entry.

        ``deliver`` receives the result.
        """
        host = host_name(url)
        ticket = DocumentTicket(url, host, now, deliver=deliver)
        self._schedule.push(host, ticket, first=True)

    def next(self, now: float) -> Ticket | Disallowed | Wait:
        """Return the next request to send ``now``, one that robots.txt forbids, or a Wait.

        The first request of an origin is for its robots.txt; its host gets no other request before
        the result.
        """
        turn = self._schedule.next(now, wary=self._held_up.is_crowded)
        if isinstance(turn, Wait):
            return turn
        allowed, ticket = turn
        if self._robots is not None and not isinstance(ticket, RobotsTicket):
            site = origin(ticket.url)
            verdict = self._robots.judge(site, ticket.url, now)
            if verdict is None:
                self._schedule.push(ticket.host, ticket, first=True)
                self._schedule.close(ticket.host)
                return RobotsTicket(f"{site}/robots.txt", ticket.host, now, site=site)
            if verdict.refusal is not None:
                self._schedule.give_back(ticket.host, allowed)
                return Disallowed(ticket, verdict.refusal)
        if allowed <= ticket.since:
            return ticket
        return msgspec.structs.replace(ticket, since=allowed)

    def is_at(self, ticket: Ticket, address: str) -> bool:
        """The host of ``ticket`` has the IP ``address`` (empty: unknown).

        Returns False if the address is over its limit; then ``put_back`` the ticket.
        """
        return not address or self._schedule.set_address(ticket.host, address)

    def started(self, ticket: Ticket, now: float) -> FirstByteWait:
        """The request of ``ticket`` starts; pass the result to ``ended``."""
        return self._held_up.start(ticket.host, now)

    def ended(self, wait: FirstByteWait, result: FetchResult | None, now: float) -> None:
        """A request has ended with ``result``, or without one."""
        if self._held_up.end(wait, result, now):
            self._schedule.rejoin(wait.host)

    def look(self, now: float) -> None:
        """Find the requests that are held up: they have waited long for the first byte."""
        self._held_up.look(now)

    def in_the_way(self, now: float) -> Sequence[FirstByteWait]:
        """Return the held-up requests beyond half of the slots, if another host could start now."""
        excess = self._held_up.excess()
        return excess if excess and self._schedule.others_wait(now) else ()

    def put_back(self, ticket: Ticket, now: float, end: RequestEnd = _NORMAL_END) -> list[Notice]:
        """The request has no result; it waits again at the head of its host."""
        self._schedule.push(ticket.host, ticket, first=True, urgent=ticket.is_urgent)
        return self.release(ticket, now, end)

    def release(
        self,
        ticket: Ticket,
        now: float,
        end: RequestEnd = _NORMAL_END,
    ) -> list[Notice]:
        """The request has ended: free the slot of its host, and adapt the pace to ``end``."""
        self._schedule.release(ticket.host, now)
        return [*self._hold(ticket.host, now, end), *self._slow_down(ticket.host, now, end)]

    def _hold(self, host: str, now: float, end: RequestEnd) -> Iterator[Notice]:
        if end.pause is not None and end.status in SLOW_DOWN:
            self._schedule.hold(host, now + end.pause)
            yield Held(host, end.pause, end.status)

    def _slow_down(self, host: str, now: float, end: RequestEnd) -> Iterator[Notice]:
        if not self._paces.is_concerned(host, end.kind, end.status):
            return
        policy = self._paces.outcome(
            host, self._usual_policy(host), end.kind, end.status, started=end.started, now=now
        )
        if policy is None:
            return
        self._schedule.set_policy(host, policy)
        if is_overload(end.kind, end.status):
            self._schedule.hold(host, now + policy.delay)
            yield Slowed(host, policy.delay, end.kind or FailureKind.STATUS, end.status)

    def redirect(self, ticket: Ticket, url: str, now: float, pause: float | None = None) -> None:
        """The response redirected ``ticket`` to ``url``: queue this hop at the head of its host.

        It waits for ``pause`` seconds if the response requested that.
        """
        host, at = host_name(url), now + (pause or 0.0)
        hop = msgspec.structs.replace(ticket, url=url, host=host, since=at, hops=ticket.hops + 1)
        if pause:
            self._schedule.push_later(host, hop, at, urgent=hop.is_urgent)
        else:
            self._schedule.push(host, hop, first=True, urgent=hop.is_urgent)

    def repeat(self, ticket: Ticket, now: float) -> None:
        """Send the request again at once: a kept-alive connection closed before the response."""
        again = msgspec.structs.replace(ticket, resets=ticket.resets + 1, since=now)
        self._schedule.push(ticket.host, again, first=True, urgent=again.is_urgent)

    def retry(self, ticket: Ticket, at: float) -> None:
        """Send the request again, not before ``at``."""
        again = msgspec.structs.replace(ticket, attempt=ticket.attempt + 1, since=at)
        self._schedule.push_later(ticket.host, again, at, urgent=again.is_urgent)

    def finish(self, entry: Entry, now: float) -> None:
        """``entry`` has its final state."""
        self.pending -= 1
        self.window.drop(entry.host)
        if self._depth_order is not None:
            self._depth_order.finished(entry)
            self.add((), now)

    def set_rules(self, site: str, rules: Rules, now: float) -> None:
        """The robots.txt of the origin ``site`` is known; its host may receive requests again.

        They start after the Crawl-delay, which also counts from the request of robots.txt itself.
        """
        assert self._robots is not None
        self._forgotten |= dict.fromkeys(self._robots.keep(site, rules, now))
        self._forgotten.pop(site, None)
        self._forget_delays()
        host = host_name(site)
        before = self._delays.of(host)
        self._delays.set(site, rules.delay)
        delay = self._delays.of(host)
        if delay or before:
            self._schedule.set_policy(host, self._host_policy(host))
            self._schedule.hold(host, now + delay)
        self._schedule.open(host)

    def _forget_delays(self) -> None:
        """Forget the Crawl-delay of origins without rules, except those with waiting requests.

        Each call checks only a few, so that its time does not depend on how many there are.
        """
        for _ in range(min(DELAYS_LOOKED_AT, len(self._forgotten))):
            site = next(iter(self._forgotten))
            if self._schedule.queued(host_name(site)):
                self._forgotten.move_to_end(site)
            else:
                del self._forgotten[site]
                self._delays.forget(site)

    def delay(self, host: str) -> float:
        """Return the current delay (seconds) between requests to the host name ``host``."""
        return self._host_policy(host).delay

    def _host_policy(self, host: str) -> HostPolicy:
        return self._paces.policy(host, self._usual_policy(host))

    def _usual_policy(self, host: str) -> HostPolicy:
        """Return the policy for ``host`` from the settings and its Crawl-delay, if not slowed."""
        policy = self._policy(host)
        crawl_delay = self._delays.of(host)
        if not crawl_delay:
            return policy
        return msgspec.structs.replace(policy, per_host=1, delay=max(policy.delay, crawl_delay))
