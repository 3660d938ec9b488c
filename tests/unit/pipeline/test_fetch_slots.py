"""What may start, why nothing may, and when a crawl is over: numbers in, an answer out."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pipeline.slots import (
    MOST_LINKS,
    Limits,
    Stages,
    allowed_held_up,
    has_enough,
    is_draining,
    is_full,
    is_memory_full,
    is_over,
    is_parse_full,
    reason_for_none,
    reason_to_wait,
)

LIMITS = Limits(concurrency=4, memory=1_000)
IDLE = Stages(
    in_flight=0,
    probing=0,
    parsing=0,
    done=0,
    pending=5,
    parse_waiting=0,
    parse_width=2,
    body_bytes=0,
    output_bytes=0,
    mean_body=0.0,
    mean_links=0.0,
    is_holding=False,
    held=0,
    is_dry=False,
    is_stopping=False,
)
counts = st.integers(0, 9)


def stages(**changes: object) -> Stages:
    return msgspec.structs.replace(IDLE, **changes)


def test_an_empty_pipeline_starts_a_request() -> None:
    assert reason_to_wait(IDLE, LIMITS) is None


@pytest.mark.parametrize(("in_flight", "reason"), [(3, None), (4, "starved"), (5, "starved")])
def test_no_more_requests_than_slots(in_flight: int, reason: str | None) -> None:
    assert reason_to_wait(stages(in_flight=in_flight), LIMITS) == reason


@pytest.mark.promise("P45")
@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({"is_stopping": True}, True),
        ({"is_stopping": False}, False),
        ({"is_stopping": True, "in_flight": 3}, False),
        ({"is_stopping": True, "parsing": 1}, False),
    ],
)
def test_a_crawl_that_stops_does_not_wait_for_probes(
    changes: dict[str, object], over: bool
) -> None:
    assert is_over(stages(**{"in_flight": 2, "probing": 2} | changes), LIMITS) is over


def test_nothing_starts_while_stopping() -> None:
    assert reason_to_wait(stages(is_stopping=True), LIMITS) == "starved"


@pytest.mark.promise("P61")
@pytest.mark.parametrize(("in_flight", "parsing", "full"), [(1, 2, False), (1, 3, True)])
def test_the_links_of_the_pages_on_their_way_are_bounded(
    in_flight: int, parsing: int, full: bool
) -> None:
    found = stages(in_flight=in_flight, parsing=parsing, mean_links=MOST_LINKS / 4)
    assert is_full(found, LIMITS) is full


@pytest.mark.promise("P61")
def test_nothing_starts_while_the_state_has_no_room() -> None:
    found = stages(is_holding=True)
    assert reason_to_wait(found, LIMITS) == "backpressure"
    assert not is_parse_full(found)


@pytest.mark.parametrize(("waiting", "full"), [(3, False), (4, True)])
def test_twice_the_width_waits_at_the_executor(waiting: int, full: bool) -> None:
    found = stages(parse_waiting=waiting)
    assert is_full(found, LIMITS) is full
    assert (reason_to_wait(found, LIMITS) == "backpressure") is full


@pytest.mark.parametrize(
    ("changes", "full"),
    [
        ({"body_bytes": 1_000}, False),
        ({"body_bytes": 1_001}, True),
        ({"output_bytes": 1_001}, True),
        ({"body_bytes": 600, "output_bytes": 401}, True),
        # Two are in flight, and the next one would be the third.
        ({"body_bytes": 700, "in_flight": 2, "mean_body": 100.0}, False),
        ({"body_bytes": 701, "in_flight": 2, "mean_body": 100.0}, True),
        ({"held": 1}, True),
    ],
)
def test_bodies_that_wait_or_arrive_are_bounded(changes: dict[str, float], full: bool) -> None:
    assert is_full(stages(**changes), LIMITS) is full


@pytest.mark.parametrize(
    ("done", "in_flight", "parsing", "enough"),
    [(7, 1, 1, False), (8, 1, 1, True), (10, 0, 0, True), (0, 4, 6, True)],
)
def test_pages_on_their_way_count_as_pages(
    done: int, in_flight: int, parsing: int, enough: bool
) -> None:
    limits = Limits(concurrency=20, memory=1_000, max_pages=10)
    found = stages(done=done, in_flight=in_flight, parsing=parsing)
    assert has_enough(found, limits) is enough
    assert (reason_to_wait(found, limits) == "starved") is enough
    assert not has_enough(found, LIMITS)


@pytest.mark.parametrize(
    ("changes", "draining"),
    [
        ({"parse_waiting": 1}, True),
        ({"output_bytes": 1}, True),
        ({}, False),
        ({"parse_waiting": 1, "is_dry": False}, False),
        ({"parse_waiting": 1, "pending": 3}, False),
    ],
)
def test_only_later_stages_have_work(changes: dict[str, object], draining: bool) -> None:
    found = stages(**{"is_dry": True, "pending": 2, "parsing": 2, **changes})
    assert is_draining(found) is draining
    assert reason_for_none(found) == ("backpressure" if draining else "starved")


@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({"is_dry": True, "pending": 0}, True),
        ({"is_dry": True, "pending": 1}, False),
        ({"is_dry": False, "pending": 0}, False),
        ({"is_dry": True, "pending": 0, "in_flight": 1}, False),
        ({"is_dry": True, "pending": 0, "parsing": 1}, False),
        ({"is_stopping": True}, True),
        ({"is_stopping": True, "in_flight": 1}, False),
        ({"is_stopping": True, "parsing": 1}, False),
    ],
)
def test_a_crawl_is_over_when_nothing_is_left(changes: dict[str, object], over: bool) -> None:
    assert is_over(stages(**changes), LIMITS) is over


def test_enough_pages_end_a_crawl() -> None:
    limits = Limits(concurrency=4, memory=1_000, max_pages=3)
    assert is_over(stages(done=3), limits)
    assert not is_over(stages(done=2), limits)


@given(
    st.builds(
        Stages,
        in_flight=counts,
        parsing=counts,
        done=counts,
        pending=counts,
        parse_waiting=counts,
        parse_width=st.integers(1, 4),
        body_bytes=counts,
        output_bytes=counts,
        mean_body=st.floats(0, 9),
        is_dry=st.booleans(),
        is_stopping=st.booleans(),
    ),
    st.builds(Limits, st.integers(1, 5), st.integers(1, 30), st.none() | counts),
)
def test_a_crawl_that_is_over_starts_nothing(found: Stages, limits: Limits) -> None:
    """Where everything is fetched there is nothing to start; else it must not be allowed to."""
    if is_over(found, limits) and not (found.is_dry and not found.pending):
        assert reason_to_wait(found, limits) is not None


@pytest.mark.promise("P79")
@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"in_flight": 3}, None),
        ({"in_flight": 4}, 2),
        ({"in_flight": 4, "is_stopping": True}, None),
        ({"in_flight": 2, "done": 8}, 0),
    ],
)
def test_held_up_requests_make_room_if_others_need_it(
    changes: dict[str, int], allowed: int | None
) -> None:
    limits = Limits(concurrency=4, memory=1_000, max_pages=10)
    assert allowed_held_up(stages(**changes), limits) == allowed


@pytest.mark.parametrize(
    ("held", "arriving", "full"), [(1, 101, True), (1, 100, False), (0, 900, False)]
)
def test_memory_is_full_if_arriving_bodies_have_most_of_it(
    held: int, arriving: int, full: bool
) -> None:
    assert is_memory_full(stages(held=held, body_bytes=60, output_bytes=40), arriving) is full


@pytest.mark.promise("P60")
def test_bodies_larger_than_the_memory_come_one_by_one() -> None:
    large = {"mean_body": 5_000.0}
    assert reason_to_wait(stages(**large), LIMITS) is None
    for held in ("in_flight", "body_bytes", "output_bytes"):
        assert reason_to_wait(stages(**large, **{held: 1}), LIMITS) == "backpressure"
