"""Hosts that are away for any time, in a simulation of the whole crawl without a network."""

import heapq
import itertools
import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.patience import FIRST_PAUSE, NETWORK_AWAY, NEVER_ANSWERED, Patience
from crawler.frontier.retry import Retry
from crawler.frontier.ticket import Disallowed, RequestEnd, Ticket
from crawler.model.errors import FailureKind, FetchError
from crawler.model.events import GaveUp, NetworkAway
from crawler.model.exchange import FetchResult, Response, Timing
from crawler.model.scope import make_scope
from crawler.model.urls import host_name
from crawler.pipeline import decide

pytestmark = pytest.mark.promise("P45")
HOSTS = ("a.example", "b.example", "c.example")
SECONDS = 100.0
LATENCY = 0.01
FOUND, MISSING = Response(200, (), b"", Timing()), Response(404, (), b"", Timing())


class Plan(msgspec.Struct, frozen=True):
    """A host: its number of URLs, when it is away (start and seconds), and its bad URLs.

    Its robots.txt is at ``robots_at``, if that is a host of the world.
    """

    urls: int
    outages: tuple[tuple[float, float], ...]
    bad: frozenset[int] = frozenset()
    robots_at: str = ""

    def is_away(self, begun: float, ended: float) -> bool:
        return any(begun <= at + seconds and ended >= at for at, seconds in self.outages)


def plans(longest: float, *, begins_well: bool = False) -> st.SearchStrategy[Plan]:
    """``begins_well``: the first URL of the host is good, and answered before it goes away."""
    least_bad = int(begins_well)
    outage = st.tuples(st.floats(least_bad, 20), st.floats(0, longest))
    return st.builds(
        Plan,
        st.integers(1, 6),
        st.lists(outage, max_size=2).map(tuple),
        st.frozensets(st.integers(least_bad, 5), max_size=2),
        st.sampled_from(("", *HOSTS)),
    )


class World:
    """Carries out what the frontier and the decider say, as the pipeline does."""

    def __init__(self, hosts: dict[str, Plan], *, robots: bool, per_host: int) -> None:
        self.hosts = hosts
        self.policy = HostPolicy(per_host, 0.1)
        self.patience = Patience(SECONDS)
        self.frontier = Frontier(lambda _: self.policy, robots=robots, patience=self.patience)
        retry = Retry(2, random.Random(1))
        self.decider = decide.Decider(retry, make_scope("host"), "x", is_patient=True)
        self.now = 0.0
        self.in_flight: list[tuple[float, int, float, Ticket]] = []
        self.numbers = itertools.count()
        self.ends: Counter[int] = Counter()
        self.failed: dict[int, FetchError] = {}
        self.sent: Counter[str] = Counter()
        self.last_probe: dict[str, float] = {}
        self.answers: dict[str, float] = {}
        self.away: NetworkAway | None = None
        self.entries: dict[int, str] = {}
        for host, plan in hosts.items():
            for number in range(plan.urls):
                self._add(f"http://{host}/{number}")

    def _add(self, url: str) -> None:
        entry = Entry(len(self.entries) + 1, url, host_name(url), 0, url)
        self.entries[entry.id] = url
        assert self.frontier.window.place(entry.host)
        self.frontier.entered([0])
        self.frontier.add([entry], 0.0)

    def run(self) -> None:
        for _ in range(20_000):
            until = self._start()
            if self.away is not None or not self.frontier.pending:
                return
            times = [at for at in (until, *(end for end, *_ in self.in_flight[:1])) if at]
            assert times, "the crawl waits for nothing"
            self.now = max(self.now, min(times))
            while self.in_flight and self.in_flight[0][0] <= self.now:
                _, _, started, ticket = heapq.heappop(self.in_flight)
                self._ended(ticket, started)
        raise AssertionError("the crawl does not end")

    def _start(self) -> float | None:
        while True:
            turn = self.frontier.next(self.now)
            if isinstance(turn, Disallowed):
                self._carry_out(self.decider.refuse(turn.ticket, turn.why, turn.status))
            elif isinstance(turn, Ticket):
                self._send(turn)
            else:
                return turn.until

    def _send(self, ticket: Ticket) -> None:
        host = ticket.host
        if f"http://{host}" in self.patience.resting:
            assert ticket.is_probe, "a request to a site at rest"
            probes = [each for *_, each in self.in_flight if each.is_probe and each.host == host]
            assert not probes, "two probes"
            assert self.now - self.last_probe.get(host, -9.0) >= FIRST_PAUSE - 1e-6, "no pause"
            self.last_probe[host] = self.now
        self.sent[ticket.url] += 1
        number = next(self.numbers)
        heapq.heappush(self.in_flight, (self.now + LATENCY, number, self.now, ticket))

    def _result(self, ticket: Ticket, started: float) -> FetchResult:
        plan, path = self.hosts[ticket.host], ticket.url.rpartition("/")[2]
        if plan.is_away(started, self.now):
            return FetchError(FailureKind.CONNECT, "refused")
        if path.isdigit() and int(path) in plan.bad:
            return FetchError(FailureKind.RESET, "reset")
        self.answers[ticket.host] = self.now
        if path == "robots.txt" and plan.robots_at in self.hosts.keys() - {ticket.host}:
            place = (("location", f"http://{plan.robots_at}/robots.txt"),)
            return Response(301, place, b"", Timing())
        return MISSING if path == "robots.txt" else FOUND

    def _ended(self, ticket: Ticket, started: float) -> None:
        result = self._result(ticket, started)
        self.frontier.release(ticket, self.now, RequestEnd.of(result, started, 0.0))
        decision = self.decider.decide(ticket, result, 0.0)
        if isinstance(decision, decide.Unanswered) and self.frontier.answered_since(
            ticket, started
        ):
            decision = self.decider.count(ticket, decision.error)
        self._carry_out(decision)
        for each, error in self.frontier.judged():
            self._carry_out(self.decider.count(each, error))
        if ticket.is_probe:
            self._probed(ticket)
        assert self.frontier.probing == sum(each.is_probe for *_, each in self.in_flight)

    def _probed(self, ticket: Ticket) -> None:
        notice = self.frontier.probed(ticket, self.now)
        if isinstance(notice, NetworkAway):
            self.away = notice
            assert notice.seconds >= NETWORK_AWAY * SECONDS
        elif isinstance(notice, GaveUp):
            part = 1.0 if ticket.host in self.answers else NEVER_ANSWERED
            assert notice.seconds >= part * SECONDS

    def _carry_out(self, decision: decide.Decision) -> None:
        match decision:
            case decide.Parse(ticket):
                self._finish(ticket.entry)
            case decide.Close(ticket, error):
                assert isinstance(error, FetchError)
                self.failed[ticket.entry.id] = error
                self._finish(ticket.entry)
            case decide.RetryIn(ticket, wait):
                self.frontier.retry(ticket, self.now + wait)
            case decide.Hop(ticket, url, pause):
                self.frontier.redirect(ticket, url, self.now, pause)
            case decide.SetRules(site, rules):
                self.frontier.set_rules(site, rules, self.now)
            case decide.Unanswered(ticket, error):
                self.frontier.unanswered(ticket, error, self.now)

    def _finish(self, entry: Entry) -> None:
        self.ends[entry.id] += 1
        self.frontier.finish(entry, self.now)

    def host(self, url: str) -> Plan:
        return self.hosts[host_name(url)]

    def is_bad(self, url: str) -> bool:
        return int(url.rpartition("/")[2]) in self.host(url).bad


@given(
    st.dictionaries(st.sampled_from(HOSTS), plans(300.0), min_size=1),
    st.booleans(),
    st.integers(0, 3),
)
@settings(deadline=None)
def test_no_url_is_lost(hosts: dict[str, Plan], robots: bool, per_host: int) -> None:
    world = World(hosts, robots=robots, per_host=per_host)
    world.run()
    assert set(world.ends.values()) <= {1}
    if world.away is None:
        assert set(world.ends) == set(world.entries)


SHORT = plans(NEVER_ANSWERED * SECONDS / 4, begins_well=True)


@given(
    st.dictionaries(st.sampled_from(HOSTS), SHORT, min_size=1),
    st.booleans(),
    st.integers(0, 3),
)
@settings(max_examples=200, deadline=None)
def test_a_short_time_away_fails_no_good_url(
    hosts: dict[str, Plan], robots: bool, per_host: int
) -> None:
    world = World(hosts, robots=robots, per_host=per_host)
    world.run()
    assert world.away is None
    assert set(world.ends) == set(world.entries)
    for url in map(world.entries.__getitem__, world.failed):
        assert world.is_bad(url)
        assert world.sent[url] == 3 or world.host(url).outages
