"""The schedule keeps its promises for any order of push, next and release."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crawler.frontier.schedule import HostPolicy, Schedule, Wait

HOSTS = ("a", "b", "c")
policies = st.builds(
    HostPolicy, per_host=st.integers(0, 3), delay=st.sampled_from([0.0, 0.1, 0.25, 2.0])
)


class PoliteMachine(RuleBasedStateMachine):
    """Drives a schedule and keeps its own books of what was allowed when."""

    @initialize(policy=st.fixed_dictionaries(dict.fromkeys(HOSTS, policies)))
    def build(self, policy: dict[str, HostPolicy]) -> None:
        self.policy = policy
        self.schedule: Schedule[tuple[str, int]] = Schedule(policy.__getitem__)
        self.now = 0.0
        self.number = 0
        self.queued: set[tuple[str, int]] = set()
        self.later: dict[tuple[str, int], float] = {}
        self.active: list[str] = []
        self.last_start: dict[str, float] = {}
        self.last_end: dict[str, float] = {}
        self.closed: set[str] = set()
        self.given_out: set[tuple[str, int]] = set()

    @rule(host=st.sampled_from(HOSTS), first=st.booleans())
    def push(self, host: str, first: bool) -> None:
        self.number += 1
        self.queued.add((host, self.number))
        self.schedule.push(host, (host, self.number), first=first)

    @rule(host=st.sampled_from(HOSTS), wait=st.floats(0, 5))
    def push_later(self, host: str, wait: float) -> None:
        self.number += 1
        self.later[host, self.number] = self.now + wait
        self.schedule.push_later(host, (host, self.number), self.now + wait)

    @rule(host=st.sampled_from(HOSTS))
    def close(self, host: str) -> None:
        self.closed.add(host)
        self.schedule.close(host)

    @rule(host=st.sampled_from(HOSTS))
    def open(self, host: str) -> None:
        self.closed.discard(host)
        self.schedule.open(host)

    @rule(passed=st.floats(0, 3))
    def wait(self, passed: float) -> None:
        self.now += passed

    @rule()
    def next(self) -> None:
        turn = self.schedule.next(self.now)
        if isinstance(turn, Wait):
            assert not self._could_go()
            assert turn.until is None or turn.until > self.now
            return
        allowed, item = turn
        host, policy = item[0], self.policy[item[0]]
        assert allowed <= self.now
        assert host not in self.closed
        assert item not in self.given_out
        assert self.later.pop(item, 0.0) <= self.now
        self.queued.discard(item)
        self.given_out.add(item)
        self.active.append(host)
        if policy.per_host:
            assert self.active.count(host) <= policy.per_host
        reference = self.last_end if policy.per_host == 1 else self.last_start
        assert self.now >= reference.get(host, -9.0) + policy.delay
        self.last_start[host] = self.now

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from(sorted(self.active)))
        self.active.remove(host)
        self.last_end[host] = self.now
        self.schedule.release(host, self.now)

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "schedule"):
            assert self.schedule.waiting == len(self.queued) + len(self.later)

    def _could_go(self) -> bool:
        due = {item for item, at in self.later.items() if at <= self.now}
        return any(self._is_free(host) for host, _ in self.queued | due)

    def _is_free(self, host: str) -> bool:
        policy = self.policy[host]
        reference = self.last_end if policy.per_host == 1 else self.last_start
        return (
            host not in self.closed
            and (not policy.per_host or self.active.count(host) < policy.per_host)
            and self.now >= reference.get(host, -9.0) + policy.delay
        )


TestPoliteMachine = PoliteMachine.TestCase


@given(rate=st.floats(1, 100), steps=st.lists(st.floats(0, 0.5), min_size=1, max_size=50))
def test_the_rate_bounds_all_hosts_together(rate: float, steps: list[float]) -> None:
    schedule: Schedule[int] = Schedule(lambda _: HostPolicy(0, 0.0), rate)
    for number in range(len(steps)):
        schedule.push(f"host{number}", number)
    now, starts = 0.0, []
    for step in steps:
        now += step
        if not isinstance(schedule.next(now), Wait):
            starts.append(now)
    for count in range(1, len(starts)):
        assert starts[count] - starts[count - 1] >= 1 / rate - 1e-9
