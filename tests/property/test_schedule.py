"""The schedule keeps its promises for any order of what can happen to it."""

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.schedule import Schedule, Standing, Wait

pytestmark = pytest.mark.promise("P43")
HOSTS = ("a", "b", "c")
ADDRESSES = ("192.0.2.1", "192.0.2.2")
policies = st.builds(
    HostPolicy,
    per_host=st.integers(0, 3),
    delay=st.sampled_from([0.0, 0.1, 0.25, 2.0]),
)
hosts = st.sampled_from(HOSTS)


class PoliteMachine(RuleBasedStateMachine):
    """Drives a schedule and keeps its own books of what was allowed when."""

    @initialize(
        policy=st.fixed_dictionaries(dict.fromkeys(HOSTS, policies)),
        per_address=st.integers(0, 2),
        connections=st.integers(0, 3),
    )
    def build(self, policy: dict[str, HostPolicy], per_address: int, connections: int) -> None:
        self.policy = {
            host: HostPolicy(each.per_host, each.delay, per_address)
            for host, each in policy.items()
        }
        self.per_address = per_address
        self.standing = dict.fromkeys(HOSTS, Standing.NEW)
        self.schedule: Schedule[tuple[str, int]] = Schedule(
            self.policy.__getitem__,
            standing=self.standing.__getitem__,
            connections=connections,
        )
        self.now = 0.0
        self.number = 0
        self.queued: set[tuple[str, int]] = set()
        self.later: dict[tuple[str, int], float] = {}
        self.urgent: set[tuple[str, int]] = set()
        self.active: list[str] = []
        self.not_before = dict.fromkeys(HOSTS, 0.0)
        self.address: dict[str, str] = {}
        self.closed: set[str] = set()
        self.given_out: set[tuple[str, int]] = set()

    @rule(host=hosts, first=st.booleans(), urgent=st.booleans())
    def push(self, host: str, first: bool, urgent: bool) -> None:
        item = self._new(host, urgent)
        self.queued.add(item)
        self.schedule.push(host, item, first=first, urgent=urgent)

    @rule(host=hosts, wait=st.floats(0, 5), urgent=st.booleans())
    def push_later(self, host: str, wait: float, urgent: bool) -> None:
        item = self._new(host, urgent)
        self.later[item] = self.now + wait
        self.schedule.push_later(host, item, self.now + wait, urgent=urgent)

    @rule(host=hosts)
    def close(self, host: str) -> None:
        self.closed.add(host)
        self.schedule.close(host)

    @rule(host=hosts)
    def open(self, host: str) -> None:
        self.closed.discard(host)
        self.schedule.open(host)

    @rule(host=hosts, seconds=st.floats(0, 5))
    def hold(self, host: str, seconds: float) -> None:
        self.not_before[host] = max(self.not_before[host], self.now + seconds)
        self.schedule.hold(host, self.now + seconds)

    @rule(host=hosts, policy=policies)
    def set_policy(self, host: str, policy: HostPolicy) -> None:
        self.policy[host] = HostPolicy(policy.per_host, policy.delay, self.per_address)
        self.schedule.set_policy(host, self.policy[host])

    @precondition(lambda self: self.active)
    @rule(data=st.data(), address=st.sampled_from(ADDRESSES))
    def set_address(self, data: st.DataObject, address: str) -> None:
        host = data.draw(st.sampled_from(sorted(self.active)))
        self.address[host] = address
        fits = self.schedule.set_address(host, address)
        assert fits is (not self.per_address or self._active_at(host) <= self.per_address)

    @rule(host=hosts, standing=st.sampled_from(Standing))
    def stand(self, host: str, standing: Standing) -> None:
        was_silent = self.standing[host] is Standing.SILENT
        assume(not was_silent or standing is not Standing.NEW)
        self.standing[host] = standing
        if was_silent and standing is Standing.ANSWERS:
            self.schedule.rejoin(host)

    @rule(passed=st.floats(0, 3))
    def wait(self, passed: float) -> None:
        self.now += passed

    @rule(kept=st.booleans(), wary=st.booleans())
    def next(self, kept: bool, wary: bool) -> None:
        turn = self.schedule.next(self.now, wary=wary)
        if isinstance(turn, Wait):
            could_go = self._could_go()
            assert not could_go or (wary and could_go == {Standing.SILENT} and self._others_come())
            assert turn.until is None or turn.until > self.now
            assert turn.held is bool(self.queued or self.later)
            return
        allowed, item = turn
        host = item[0]
        assert allowed <= self.now
        assert self.later.get(item, 0.0) <= self.now
        assert self._may_go(host)
        assert host not in self.closed or item in self.urgent
        assert item not in self.given_out
        if wary:
            self._goes_first(host)
        if not kept:
            self.schedule.push(host, item, first=True, urgent=item in self.urgent)
            self.schedule.give_back(host, allowed)
            self.later.pop(item, None)
            self.queued.add(item)
            return
        self.later.pop(item, None)
        self.queued.discard(item)
        self.given_out.add(item)
        self.active.append(host)
        if self.policy[host].per_host != 1:
            self._delay(host)

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from(sorted(self.active)))
        self.active.remove(host)
        if self.policy[host].per_host == 1:
            self._delay(host)
        self.schedule.release(host, self.now)
        if host not in self.active and self.now >= self.not_before[host]:
            self._forget_address(host)

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "schedule"):
            assert self.schedule.waiting == len(self.queued) + len(self.later)
            due = {item for item, at in self.later.items() if at <= self.now}
            for host in HOSTS:
                known = sum(item[0] == host for item in self.queued)
                waiting = known + sum(item[0] == host for item in due)
                assert known <= self.schedule.queued(host) + len(due)
                assert self.schedule.queued(host) <= waiting

    def teardown(self) -> None:
        """Let everything go that waits: it does, and then nothing is remembered."""
        if not hasattr(self, "schedule"):
            return
        for host in list(self.active):
            self.schedule.release(host, self.now)
        for host in HOSTS:
            self.schedule.open(host)
        left = self.queued | set(self.later)
        while self.schedule.waiting:
            turn = self.schedule.next(self.now)
            if isinstance(turn, Wait):
                assert turn.until is not None, "nothing is under way, and yet nothing may go"
                self.now = turn.until
                continue
            left.remove(turn[1])
            self.schedule.release(turn[1][0], self.now)
        assert not left
        assert isinstance(self.schedule.next(self.now + 10), Wait)
        assert self.schedule.hosts == 0

    def _new(self, host: str, urgent: bool) -> tuple[str, int]:
        self.number += 1
        item = (host, self.number)
        if urgent:
            self.urgent.add(item)
        return item

    def _delay(self, host: str) -> None:
        allowed = self.now + self.policy[host].delay
        self.not_before[host] = max(self.not_before[host], allowed)

    def _forget_address(self, host: str) -> None:
        """What is idle may be forgotten; that is no matter, since nothing of it is under way."""
        if self.schedule.queued(host) == 0 and host not in self.closed:
            self.address.pop(host, None)

    def _active_at(self, host: str) -> int:
        here = self.address.get(host)
        return sum(self.address.get(each) == here for each in self.active) if here else 0

    def _goes_first(self, host: str) -> None:
        """Hosts that answer go before all others, and silent ones after all others."""
        could_go = self._could_go()
        if self.standing[host] is Standing.NEW:
            assert Standing.ANSWERS not in could_go
        elif self.standing[host] is Standing.SILENT:
            assert could_go == {Standing.SILENT}
            assert not self._others_come()

    def _could_go(self) -> set[Standing]:
        """What is known about the hosts that could start a request now."""
        return {self.standing[host] for host in self._wanted() if self._may_go(host)}

    def _others_come(self) -> bool:
        """Whether a host that is not silent waits only for its time."""
        return any(
            self.now < self.not_before[host] and self._is_below_its_limit(host)
            for host in self._wanted()
            if self.standing[host] is not Standing.SILENT
        )

    def _wanted(self) -> set[str]:
        """Hosts with a request that may start as soon as the host may."""
        due = {item for item, at in self.later.items() if at <= self.now}
        items = self.queued | due
        return {each[0] for each in items if each[0] not in self.closed or each in self.urgent}

    def _is_below_its_limit(self, host: str) -> bool:
        per_host = self.policy[host].per_host
        return not per_host or self.active.count(host) < per_host

    def _may_go(self, host: str) -> bool:
        return (
            self.now >= self.not_before[host]
            and self._is_below_its_limit(host)
            and (not self.per_address or self._active_at(host) < self.per_address)
        )


TestPoliteMachine = PoliteMachine.TestCase


def test_new_hosts_do_not_starve_a_waiting_host() -> None:
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(1, 1.0))
    schedule.push("old", "old")
    assert schedule.next(0.0) == (0.0, "old")
    schedule.release("old", 0.0)
    schedule.push("old", "old")
    went = []
    for second in range(1, 6):
        for number in range(3):
            schedule.push(f"new{second}-{number}", "new")
        turn = schedule.next(float(second))
        assert not isinstance(turn, Wait)
        went.append(turn[1])
    assert "old" in went


def test_the_hosts_of_an_address_take_turns() -> None:
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(2, 0.0, 1))
    for host in HOSTS:
        schedule.push(host, host)
        schedule.set_address(host, ADDRESSES[0])
    went = []
    for now in range(9):
        turn = schedule.next(float(now))
        assert not isinstance(turn, Wait)
        went.append(turn[1])
        schedule.push(turn[1], turn[1])
        assert isinstance(schedule.next(float(now)), Wait)
        schedule.release(turn[1], now + 0.5)
    assert "".join(went) == "abcabcabc"


@pytest.mark.promise("P23")
@pytest.mark.parametrize("slow", [1.0, 300.0])
def test_a_finished_host_is_forgotten(slow: float) -> None:
    schedule: Schedule[int] = Schedule(lambda _: HostPolicy(4, 0.25, 16))
    hosts = [f"host{number}" for number in range(1000)]
    for number, host in enumerate(hosts):
        schedule.push(host, number)
        assert not isinstance(schedule.next(0.0), Wait)
        schedule.set_address(host, f"192.0.2.{number % 250}")
        schedule.hold(host, slow)
    for host in hosts:
        schedule.release(host, 0.1)
    assert schedule.next(slow - 0.1) == Wait(None, held=False)
    assert schedule.hosts == 1000, "their time has not come"
    schedule.next(slow)
    assert schedule.hosts == 0


def test_a_held_host_waits_while_others_continue() -> None:
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(4, 0.0))
    for host in ("slow", "other"):
        schedule.push(host, host)
    schedule.push("slow", "robots", urgent=True)
    schedule.hold("slow", 120.0)
    assert schedule.next(0.0) == (0.0, "other")
    assert schedule.next(1.0) == Wait(120.0, held=True)
    assert schedule.next(120.0) == (120.0, "robots")
    assert schedule.next(120.0) == (120.0, "slow")


def test_hosts_at_a_full_address_wait() -> None:
    schedule: Schedule[str] = Schedule(lambda host: HostPolicy(1, 0.0, 0 if host == "own" else 2))
    for host in ("a", "b", "c", "own"):
        schedule.push(host, host)
        schedule.set_address(host, ADDRESSES[0])
    schedule.push("elsewhere", "elsewhere")
    went = [turn[1] for _ in range(4) if not isinstance(turn := schedule.next(0.0), Wait)]
    assert went == ["a", "b", "own", "elsewhere"]
    assert schedule.next(1.0) == Wait(None, held=True)
    schedule.release("own", 1.0)
    assert schedule.next(1.0) == Wait(None, held=True)
    schedule.release("b", 2.0)
    assert schedule.next(2.0) == (0.0, "c")


def test_a_hold_outlasts_a_request_in_flight() -> None:
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(1, 0.25))
    for _ in range(2):
        schedule.push("a", "a")
    assert schedule.next(0.0) == (0.0, "a")
    schedule.hold("a", 10.0)
    schedule.release("a", 1.0)
    assert schedule.next(1.0) == Wait(10.0, held=True)
    assert schedule.next(10.0) == (10.0, "a")


def test_a_looser_policy_applies_at_once() -> None:
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(1, 0.0))
    for _ in range(2):
        schedule.push("a", "a")
    assert schedule.next(0.0) == (0.0, "a")
    assert schedule.next(0.0) == Wait(None, held=True)
    schedule.set_policy("a", HostPolicy(2, 0.0))
    assert schedule.next(1.0) == (0.0, "a")


def full(*hosts: str) -> Schedule[str]:
    """A schedule where "busy" has the one place at their address and these hosts wait for it."""
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(1, 0.0, 1))
    for host in ("busy", *hosts):
        schedule.push(host, host)
        schedule.set_address(host, ADDRESSES[0])
    assert schedule.next(0.0) == (0.0, "busy")
    assert schedule.next(0.0) == Wait(None, held=True)
    return schedule


def test_a_held_host_leaves_its_place_to_others() -> None:
    schedule = full("first", "second")
    schedule.hold("first", 60.0)
    schedule.release("busy", 1.0)
    assert schedule.next(1.0) == (0.0, "second")
    schedule.release("second", 2.0)
    assert schedule.next(60.0) == (60.0, "first")


def test_moving_to_another_address_ends_the_wait() -> None:
    schedule = full("first")
    schedule.set_address("busy", ADDRESSES[1])
    assert schedule.next(1.0) == (0.0, "first")
    schedule = full("first", "second")
    schedule.set_address("second", ADDRESSES[1])
    assert schedule.next(1.0) == (0.0, "second")


def test_set_address_reports_a_full_address() -> None:
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(4, 0.0, 2))
    for host in HOSTS:
        schedule.push(host, host)
        assert schedule.next(0.0) == (0.0, host)
    assert [schedule.set_address(host, ADDRESSES[0]) for host in HOSTS] == [True, True, False]
    schedule.push("c", "c", first=True)
    schedule.release("c", 0.0)
    assert schedule.next(0.0) == Wait(None, held=True)
    schedule.release("a", 1.0)
    assert schedule.next(1.0) == (0.0, "c")


def test_a_host_that_was_passed_over_and_held_starts_when_its_time_has_come() -> None:
    schedule: Schedule[str] = Schedule(
        lambda _: HostPolicy(4, 0.0), standing=lambda _: Standing.NEW
    )
    for host in ("a", "b"):
        schedule.push(host, host)
    assert schedule.next(0.0, wary=True) == (0.0, "a")
    schedule.hold("b", 1.0)
    assert schedule.next(1.0, wary=True) == (1.0, "b")
