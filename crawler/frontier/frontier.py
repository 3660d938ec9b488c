"""Decides which request is sent next, and when. Pure: ``now`` (monotonic seconds) is passed in.

Its parts are the schedule of the hosts, the pace of slowed hosts, the rules of robots.txt, and the
window of entries in memory. Every request is a ticket.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Entry
from crawler.frontier.held_up import FirstByteWait, HeldUp
from crawler.frontier.host_memory import HostMemory
from crawler.frontier.host_policies import HostPolicies
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.learned import Learned
from crawler.frontier.memory_window import MemoryWindow
from crawler.frontier.pace import SLOW_DOWN, is_overload
from crawler.frontier.patience import Patience, Rest
from crawler.frontier.retry_memory import RetryMemory
from crawler.frontier.robots import Rules
from crawler.frontier.robots_memory import RobotsMemory
from crawler.frontier.schedule import Schedule, Wait
from crawler.frontier.ticket import (
    Disallowed,
    DocumentTicket,
    EntryTicket,
    ProbeTicket,
    RequestEnd,
    RobotsTicket,
    Ticket,
)
from crawler.model.errors import FailureKind, FetchError
from crawler.model.events import (
    GaveUp,
    Held,
    HostNotice,
    NetworkAway,
    Rested,
    Returned,
    Slowed,
)
from crawler.model.exchange import FetchResult
from crawler.model.urls import authority, host_name, origin

_NORMAL_END = RequestEnd()


class Frontier:
    """The entries and requests in memory. ``pending`` counts all entries without a final state.

    ``probing`` is the number of probes in flight.
    """

    def __init__(
        self,
        policy: Callable[[str], HostPolicy],
        *,
        robots: bool,
        slots: int = 1,
        connections: float = math.inf,
        rate: float | None = None,
        window: MemoryWindow | None = None,
        depth_order: DepthOrder | None = None,
        pending: int = 0,
        patience: Patience | None = None,
        memory: HostMemory | None = None,
    ) -> None:
        """``policy`` returns the limits for a host name; ``rate`` is in requests/s.

        ``slots`` is the maximum number of requests in flight, ``connections`` that of connections
        that the engine keeps. ``window`` knows which entries wait on disk, ``pending`` is the
        number of entries that are not final. With ``depth_order`` all pages of one depth are
        requested before the next depth. ``memory`` has what earlier sessions knew.
        """
        memory = memory or HostMemory()
        learned, clocks = memory.learned, (memory.unix_time, memory.now)
        self._policies = HostPolicies(policy, memory)
        self._continues_at = memory.continues_at
        self._held_up = HeldUp(slots)
        self._schedule: Schedule[Ticket] = Schedule(
            self._policies.of, rate, self._held_up.standing, memory.not_before, connections
        )
        self._robots = RobotsMemory(learned.robots, *clocks) if robots else None
        self._retries = RetryMemory(learned.retries, *clocks)
        self._patience = patience or Patience(math.inf)
        self.probing = 0
        self._depth_order = depth_order
        self.window = window or MemoryWindow()
        self.pending = pending

    def __repr__(self) -> str:
        return f"Frontier({self.pending} pending, {self.window.held} in memory, {self._schedule!r})"

    @property
    def lacks_requests(self) -> bool:
        """Whether more of the input must be read into memory."""
        return self._schedule.lacks_requests

    @property
    def is_stuck(self) -> bool:
        """Whether all entries in memory wait for ones of a lower depth, which are on disk."""
        order = self._depth_order
        return order is not None and order.held == self.window.held and self.due > 0

    @property
    def due(self) -> int:
        """Number of entries without a final state that may be requested in this session."""
        return self.pending - (0 if self._depth_order is None else self._depth_order.too_deep)

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
            ticket = self._restored(entry, now)
            if ticket is None:
                continue
            if ticket.since > now:
                self._schedule.push_later(ticket.host, ticket, ticket.since)
            else:
                self._schedule.push(ticket.host, ticket)

    def _restored(self, entry: Entry, now: float) -> Ticket | None:
        """The first request of ``entry`` in this session; None if it waits to be judged."""
        at = now if entry.next is None else max(now, self._continues_at(entry.next))
        is_sent = self._retries.is_sent(entry)
        ticket = self._retries.restore(EntryTicket.of(entry, at))
        return self._patience.await_judgement(ticket) if is_sent else ticket

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
        while True:
            if self._patience.is_tried:
                self._send_probes(now)
                refused = self._patience.refused()
                if refused is not None:
                    return refused
            turn = self._schedule.next(now, wary=self._held_up.is_crowded)
            if isinstance(turn, Wait):
                return self._wait(turn)
            allowed, ticket = turn
            if not self._patience.is_tried or not self._patience.keep(ticket):
                return self._allow(ticket, allowed, now)
            self._schedule.give_back(ticket.host, allowed)

    def _allow(self, ticket: Ticket, allowed: float, now: float) -> Ticket | Disallowed:
        """Return the request to send instead of ``ticket``, which could be sent since ``allowed``.

        It is usually the same, or the one for robots.txt.
        """
        if ticket.is_probe:
            self.probing += 1
            return ticket
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

    def _wait(self, wait: Wait) -> Wait:
        """Return ``wait`` as it is with the sites at rest and their probes."""
        if not self._patience.resting:
            return wait
        times = [at for at in (wait.until, self._patience.next_probe) if at is not None]
        return Wait(min(times, default=None), held=True, silent=not wait.held)

    def _send_probes(self, now: float) -> None:
        while (site := self._patience.due(now)) is not None:
            probe = msgspec.structs.replace(self._probe(site, now), is_probe=True)
            self._schedule.push(probe.host, probe, first=True, urgent=True)

    def _probe(self, site: str, now: float) -> Ticket:
        """Return a request that finds out whether ``site`` answers.

        It is for robots.txt, or if that is not obeyed, for the URL that was answered last: what
        a single page does, does not matter. If nothing was ever answered, it is any request.
        """
        host = host_name(site)
        if self._robots is not None:
            url = f"{site}/robots.txt"
            if site in self._robots:
                return ProbeTicket(url, host, now)
            return RobotsTicket(url, host, now, site=site)
        url, rest = self._patience.answered_url(site), self._patience.resting[site]
        ticket = None if url else rest.take()
        return ticket or ProbeTicket(url or rest.url, host, now)

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

    def in_the_way(self, allowed: int, now: float) -> Sequence[FirstByteWait]:
        """Return the held-up requests beyond ``allowed``, if another host could start now."""
        excess = self._held_up.excess(allowed)
        return excess if excess and self._schedule.others_wait(now) else ()

    def put_back(
        self, ticket: Ticket, now: float, end: RequestEnd = _NORMAL_END
    ) -> list[HostNotice]:
        """The request has no result; it waits again at the head of its host."""
        self._push(ticket)
        return self.release(ticket, now, end)

    def _push(self, ticket: Ticket) -> None:
        urgent = ticket.is_urgent or ticket.is_probe
        self._schedule.push(ticket.host, ticket, first=True, urgent=urgent)

    def release(
        self, ticket: Ticket, now: float, end: RequestEnd = _NORMAL_END
    ) -> list[HostNotice]:
        """The request has ended: free the slot of its host, and adapt the pace to ``end``."""
        host = ticket.host
        self._schedule.release(host, now)
        self.probing -= ticket.is_probe
        notices = self._note_answer(ticket, now, end.status) if end.answered else []
        if self._policies.is_concerned(host, end):
            notices += self._slow_down(ticket, now, end)
        return notices

    def _note_answer(self, ticket: Ticket, now: float, status: int | None) -> list[HostNotice]:
        site, patience = origin(ticket.url), self._patience
        notices: list[HostNotice] = []
        if not patience.has_answered(site):
            self._policies.changes.answer(ticket.host)
        rest = patience.answer(site, ticket.url, now)
        if rest is not None:
            self._end_rest(rest, ticket)
            if rest.probes:
                notices.append(Returned(authority(site), now - rest.since))
        gave_up = patience.status(site, status, now)
        return notices if gave_up is None else [*notices, gave_up]

    def _end_rest(self, rest: Rest, answered: Ticket) -> None:
        if isinstance(answered, RobotsTicket):  # nothing else may be sent before it is decided
            self._schedule.close(host_name(answered.site))
        for ticket in reversed(rest.waiting):
            self._push(ticket)

    def _slow_down(self, ticket: Ticket, now: float, end: RequestEnd) -> Iterator[HostNotice]:
        host = ticket.host
        if end.pause is not None and end.status in SLOW_DOWN:
            self._schedule.hold(host, now + end.pause)
            self._policies.changes.hold(host, now + end.pause)
            yield Held(host, end.pause, end.status)
        if ticket.is_probe and not end.answered:
            return  # it rests anyway
        policy = self._policies.ended(host, end, now)
        if policy is None:
            return
        self._schedule.set_policy(host, policy)
        if is_overload(end.kind, end.status):
            self._schedule.hold(host, now + policy.delay)
            yield Slowed(host, policy.delay, end.kind or FailureKind.STATUS, end.status)

    def answered_since(self, ticket: Ticket, since: float) -> bool:
        """Whether the site of ``ticket`` has answered anything after ``since``."""
        return self._patience.answered_since(origin(ticket.url), since)

    def unanswered(self, ticket: Ticket, error: FetchError, now: float) -> None:
        """Nothing came for ``ticket``, and nothing else from its site since it was sent.

        The site rests, and ``ticket`` waits until it is known whether its attempt counts. One for
        robots.txt is made again; until then the host may get requests of its other sites.
        """
        self._patience.silent(ticket, error, now)
        if isinstance(ticket, RobotsTicket) and not ticket.is_probe:
            self._schedule.open(host_name(ticket.site))

    def probed(self, probe: Ticket, now: float) -> Rested | GaveUp | NetworkAway | None:
        """``probe`` has ended: if nothing came, plan the next one, or give its site up."""
        return self._patience.probed(origin(probe.url), now)

    def judged(self) -> list[tuple[Ticket, FetchError]]:
        """Return the requests without an answer whose attempts count: their sites answer others."""
        return self._patience.judged()

    def learned(self, now: float, unix_time: float, *, is_last: bool = False) -> Learned:
        """Return what the next session must know in addition to the last call.

        The last call of a session also tells when each host may get its next request, and what is
        known about silent sites.
        """
        changes, silence = self._policies.changes, None
        if is_last:
            for host, at in self._schedule.not_before(now):
                changes.hold(host, at)
            patience = self._patience
            self._retries.wait_for_sites(patience.unsent(), patience.unjudged())
            silence = self._patience.silence(now)
        clocks = now, unix_time
        robots = self._robots.take(*clocks) if self._robots is not None else ()
        return Learned(changes.take(*clocks), robots, self._retries.take(*clocks), silence)

    def redirect(self, ticket: Ticket, url: str, now: float, pause: float | None = None) -> None:
        """The response redirected ``ticket`` to ``url``: queue this hop at the head of its host.

        It waits for ``pause`` seconds if the response requested that.
        """
        host, at, hops = host_name(url), now + (pause or 0.0), ticket.hops + 1
        hop = msgspec.structs.replace(
            ticket, url=url, host=host, since=at, hops=hops, resets=0, is_probe=False
        )
        if pause:
            self._schedule.push_later(host, hop, at, urgent=hop.is_urgent)
        else:
            self._schedule.push(host, hop, first=True, urgent=hop.is_urgent)

    def repeat(self, ticket: Ticket, now: float) -> None:
        """Send the request again: a kept connection ended before the response.

        Like every request, it waits until the delay of its host has passed.
        """
        self._push(msgspec.structs.replace(ticket, resets=ticket.resets + 1, since=now))

    def retry(self, ticket: Ticket, at: float) -> None:
        """Send the request again, not before ``at``."""
        attempt = ticket.attempt + 1
        again = msgspec.structs.replace(ticket, attempt=attempt, since=at, is_probe=False)
        if isinstance(again, EntryTicket):
            self._retries.waits(again)
        self._schedule.push_later(ticket.host, again, at, urgent=again.is_urgent)

    def finish(self, entry: Entry, now: float) -> None:
        """``entry`` has its final state."""
        self.pending -= 1
        self.window.drop(entry.host)
        self._retries.finish(entry.id)
        if self._depth_order is not None:
            self._depth_order.finished(entry)
            self.add((), now)

    def set_rules(self, site: str, rules: Rules, now: float) -> None:
        """The robots.txt of the origin ``site`` is known; its host may receive requests again.

        They start after the Crawl-delay, which also counts from the request of robots.txt itself.
        """
        assert self._robots is not None
        forgotten = self._robots.keep(site, rules, now)
        host = host_name(site)
        self._policies.forget_unused(forgotten, self._has_requests)
        if self._policies.set_crawl_delay(site, rules.delay):
            self._schedule.set_policy(host, self._policies.of(host))
            self._schedule.hold(host, now + self._policies.crawl_delay(host))
        self._schedule.open(host)

    def _has_requests(self, site: str) -> bool:
        return bool(self._schedule.queued(host_name(site))) or site in self._patience.resting

    def delay(self, host: str) -> float:
        """Return the current delay (seconds) between requests to the host name ``host``."""
        return self._policies.of(host).delay
