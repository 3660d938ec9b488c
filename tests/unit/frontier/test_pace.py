"""A host that is overloaded is asked more slowly, and later as before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.pace import GOOD, KEPT, LEAST, MOST, Pace, Paces
from crawler.model.errors import FailureKind

ASKED = HostPolicy(4, 0.25, 16)


def bad(pace: Pace, now: float) -> float:
    return pace.outcome(None, 503, started=now, now=now)


def good(pace: Pace, count: int, now: float = 0.0) -> float:
    for _ in range(count):
        pace.outcome(None, 200, started=now, now=now)
    return pace.delay


@pytest.mark.parametrize(
    ("floor", "delays"),
    [
        (0.0, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]),
        (0.25, [0.5, 1.0, 2.0]),
        (1.0, [2.0, 4.0, 8.0]),
        (50.0, [60.0, 60.0]),
        (90.0, [90.0, 90.0]),
    ],
)
def test_the_delay_doubles_up_to_a_minute(floor: float, delays: list[float]) -> None:
    pace = Pace(floor)
    assert [bad(pace, float(now)) for now in range(len(delays))] == delays


@pytest.mark.promise("P22")
@pytest.mark.parametrize(
    ("kind", "status", "slower"),
    [
        (None, 429, True),
        (None, 503, True),
        (FailureKind.TIMEOUT, None, True),
        (None, 200, False),
        (None, 404, False),
        (None, 500, False),
        (FailureKind.RESET, None, False),
        (FailureKind.DNS, None, False),
    ],
)
def test_only_overload_slows_a_host_down(
    kind: FailureKind | None, status: int | None, slower: bool
) -> None:
    pace = Pace(0.25)
    assert (pace.outcome(kind, status, started=0.0, now=99.0) > 0.25) is slower


def test_requests_that_failed_together_count_once() -> None:
    pace = Pace(0.0)
    for _ in range(64):
        pace.outcome(None, 503, started=0.0, now=1.0)
    assert pace.delay == LEAST
    assert pace.outcome(None, 503, started=1.5, now=2.0) == 2 * LEAST


def test_ten_good_responses_halve_the_delay() -> None:
    pace = Pace(0.25)
    for now in range(3):
        bad(pace, float(now))
    assert good(pace, GOOD - 1) == 2.0
    assert good(pace, 1) == 1.0
    good(pace, GOOD - 1)
    bad(pace, 10.0)
    assert good(pace, GOOD - 1) == 2.0, "the row was broken"
    assert [good(pace, 1), good(pace, GOOD), good(pace, GOOD)] == [1.0, 0.5, 0.25]
    assert not pace.is_slowed
    assert good(pace, 100) == 0.25


def test_errors_do_not_count_as_good_responses() -> None:
    pace = Pace(0.0)
    bad(pace, 0.0)
    for _ in range(100):
        pace.outcome(None, 500, started=1.0, now=1.0)
        pace.outcome(FailureKind.RESET, None, started=1.0, now=1.0)
    assert pace.delay == LEAST


@given(
    st.floats(0, 100),
    st.lists(st.tuples(st.sampled_from([200, 404, 429, 500, 503]), st.floats(0, 9))),
)
def test_the_delay_stays_within_its_bounds(floor: float, answers: list[tuple[int, float]]) -> None:
    pace, now = Pace(floor), 0.0
    for status, passed in answers:
        now += passed
        delay = pace.outcome(None, status, started=now, now=now)
        assert floor <= delay <= max(floor, MOST)


def test_only_a_slowed_host_is_limited_to_one() -> None:
    paces = Paces()
    slowed = paces.outcome("a", ASKED, None, 503, started=0.0, now=1.0)
    assert slowed == HostPolicy(1, LEAST, 16)
    assert paces.policy("a", ASKED) == slowed
    assert paces.policy("b", ASKED) is ASKED
    assert paces.outcome("b", ASKED, None, 200, started=0.0, now=1.0) is None


def test_a_host_that_recovered_is_forgotten() -> None:
    paces = Paces()
    paces.outcome("a", ASKED, FailureKind.TIMEOUT, None, started=0.0, now=1.0)
    found = [paces.outcome("a", ASKED, None, 200, started=2.0, now=2.0) for _ in range(GOOD)]
    assert found == [None] * (GOOD - 1) + [ASKED]
    assert len(paces) == 0


@pytest.mark.promise("P43")
def test_a_crawl_delay_is_always_the_minimum() -> None:
    paces = Paces()
    paces.outcome("a", ASKED, None, 503, started=0.0, now=1.0)
    slow = HostPolicy(1, 7.0, 16)
    assert paces.policy("a", slow) is slow
    assert paces.outcome("a", slow, None, 503, started=2.0, now=2.0) == HostPolicy(1, 14.0, 16)
    for _ in range(GOOD):
        last = paces.outcome("a", slow, None, 200, started=3.0, now=3.0)
    assert last == slow


@pytest.mark.promise("P23")
def test_the_remembered_hosts_are_bounded() -> None:
    paces = Paces()
    for number in range(KEPT + 100):
        paces.outcome(f"host{number}", ASKED, None, 503, started=0.0, now=1.0)
    assert len(paces) == KEPT
    assert paces.policy("host0", ASKED) is ASKED
    assert paces.policy(f"host{KEPT}", ASKED).per_host == 1
