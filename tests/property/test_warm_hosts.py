"""More hosts than connections: those whose connection is open are preferred, and none starves."""

import math
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.schedule import PREFERENCES, Schedule, Standing, Wait

pytestmark = pytest.mark.promise("P78")
HOSTS = 5
choices = st.lists(st.integers(0, 99), min_size=100, max_size=200)


class Crawl:
    """Requests of a few hosts, with ``slots`` in flight at most; each host always has more."""

    def __init__(self, connections: float, slots: int, policy: HostPolicy) -> None:
        self.schedule: Schedule[str] = Schedule(lambda _: policy, connections=connections)
        self.now = 0.0
        self.active: list[str] = []
        self.started: list[str] = []
        self._slots = slots
        for number in range(HOSTS):
            self.schedule.push(f"host{number}", f"host{number}")

    def step(self, choice: int) -> None:
        """End one of the requests in flight; then start all that may start."""
        self.now += choice / 100
        if self.active:
            self.schedule.release(self.active.pop(choice % len(self.active)), self.now)
        while len(self.active) < self._slots:
            turn = self.schedule.next(self.now)
            if isinstance(turn, Wait):
                break
            host = turn[1]
            self.active.append(host)
            self.started.append(host)
            self.schedule.push(host, host)


@given(choices, st.integers(1, 4), st.integers(0, HOSTS), st.integers(0, 2))
def test_every_host_gets_its_turn(
    choices: list[int], slots: int, connections: int, per_host: int
) -> None:
    """Others get their turns before it, and each of them is preferred before and after."""
    crawl = Crawl(connections, slots, HostPolicy(per_host, 0.0))
    for choice in choices:
        crawl.step(choice)
    most = (HOSTS - 1) * (2 * PREFERENCES + 1)
    for host in (f"host{number}" for number in range(HOSTS)):
        since = 0
        for each in crawl.started:
            since = 0 if each == host else since + 1
            assert since <= most or host in crawl.active


def went(schedule: Schedule[str], now: float = 0.0, *, wary: bool = False) -> str:
    """The host whose request starts now, or nothing."""
    turn = schedule.next(now, wary=wary)
    return "" if isinstance(turn, Wait) else turn[1]


def queued(hosts: str, *, connections: float = 1, **standing: Standing) -> Schedule[str]:
    """A schedule with a request for each letter; hosts in capitals have a delay of 1 s."""
    schedule: Schedule[str] = Schedule(
        lambda host: HostPolicy(1 if host.isupper() else 4, float(host.isupper())),
        standing=lambda host: standing.get(host, Standing.ANSWERS),
        connections=connections,
    )
    for host in hosts:
        schedule.push(host, host)
    return schedule


@pytest.mark.parametrize(("connections", "second"), [(0, "a"), (1, "a"), (2, "b"), (math.inf, "b")])
def test_a_host_is_preferred_if_there_are_more_than_connections(
    connections: float, second: str
) -> None:
    schedule = queued("aab", connections=connections)
    assert went(schedule) == "a"
    schedule.release("a", 0.0)
    assert went(schedule) == second


def test_a_host_whose_connection_is_in_use_is_not_preferred() -> None:
    schedule = queued("aaa")
    assert went(schedule) == "a"
    schedule.push("b", "b")
    assert went(schedule) == "a"
    schedule.release("a", 0.0)
    assert went(schedule) == "b"


def test_a_preferred_host_keeps_its_delay() -> None:
    schedule = queued("AAb")
    assert went(schedule) == "A"
    schedule.release("A", 0.0)
    assert [went(schedule), went(schedule)] == ["b", ""]
    assert schedule.next(0.5) == Wait(1.0, held=True)
    assert went(schedule, 1.0) == "A"


def test_wary_a_preferred_host_that_answers_goes_first() -> None:
    schedule = queued("aabc", b=Standing.NEW, c=Standing.SILENT)
    assert went(schedule, wary=True) == "a"
    schedule.release("a", 0.0)
    assert [went(schedule, wary=True) for _ in range(3)] == ["a", "b", "c"]


def test_wary_a_preferred_host_that_has_fallen_silent_goes_last() -> None:
    standing = {"a": Standing.ANSWERS}
    schedule: Schedule[str] = Schedule(
        lambda _: HostPolicy(4, 0.0),
        standing=lambda host: standing.get(host, Standing.NEW),
        connections=0,
    )
    for host in "aab":
        schedule.push(host, host)
    assert went(schedule, wary=True) == "a"
    standing["a"] = Standing.SILENT
    schedule.release("a", 0.0)
    assert [went(schedule, wary=True) for _ in range(2)] == ["b", "a"]


def test_wary_a_silent_host_waits_for_a_preferred_one() -> None:
    schedule = queued("AAb", b=Standing.SILENT)
    assert went(schedule, wary=True) == "A"
    schedule.release("A", 0.0)
    assert schedule.next(0.0, wary=True) == Wait(1.0, held=True)
    assert [went(schedule, 1.0, wary=True) for _ in range(2)] == ["A", "b"]


def opened(connections: float, kept: int, hosts: int, pages: int, slots: int) -> int:
    """Connections opened for a crawl whose engine keeps the ``kept`` ones that were used last."""
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(4, 0.25), connections=connections)
    for _ in range(pages):
        for number in range(hosts):
            schedule.push(f"host{number}", f"host{number}")
    open_ones: OrderedDict[str, None] = OrderedDict()
    now, count, active = 0.0, 0, []
    while schedule.waiting:
        turn = schedule.next(now) if len(active) < slots else None
        if turn is None or isinstance(turn, Wait):
            now += 0.01
            schedule.release(active.pop(0), now)
            continue
        host = turn[1]
        active.append(host)
        count += host not in open_ones
        open_ones[host] = None
        open_ones.move_to_end(host)
        if len(open_ones) > kept:
            open_ones.popitem(last=False)
    return count


def test_far_fewer_connections_are_opened() -> None:
    hosts, pages = 400, 16
    assert opened(math.inf, 100, hosts, pages, 32) == hosts * pages
    assert opened(100, 100, hosts, pages, 32) <= hosts * pages / 6


@pytest.mark.parametrize(
    ("hosts", "connections", "enough"),
    [
        (1, 2_000, 256),
        (250, 2_000, 256),
        (30, 40, 256),
        (50, 40, 400),
        (300, 2_000, 600),
        (5_000, 2_000, 600),
        (300, math.inf, 256),
    ],
)
def test_of_many_hosts_several_requests_wait(hosts: int, connections: float, enough: int) -> None:
    schedule: Schedule[int] = Schedule(lambda _: HostPolicy(4, 0.25), connections=connections)
    for number in range(enough):
        assert schedule.lacks_requests
        schedule.push(f"host{number % hosts}", number)
    assert not schedule.lacks_requests
