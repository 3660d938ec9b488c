"""The rate of all hosts together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.schedule import Schedule, Wait

pytestmark = pytest.mark.promise("P43")


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


def test_what_is_given_back_does_not_use_the_rate() -> None:
    schedule: Schedule[int] = Schedule(lambda _: HostPolicy(0, 0.0), 1.0)
    schedule.push("a", 1)
    turn = schedule.next(0.0)
    assert not isinstance(turn, Wait)
    schedule.give_back("a", turn[0])
    schedule.push("b", 2)
    assert schedule.next(0.0) == (0.0, 2)
    assert isinstance(schedule.next(0.5), Wait)
