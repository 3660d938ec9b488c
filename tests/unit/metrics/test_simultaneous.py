"""The chess simultaneous, by the numbers it is told with."""

import pytest

from crawler.metrics import sentences
from crawler.metrics.simultaneous import Work, parallel_bounds, simultaneous

MOVES = 24 * 30
CHESS = Work(wait_s=MOVES * 55.0, fetch_s=MOVES * 5.0, parse_s=0.0)


def test_24_boards_take_12_hours_or_one() -> None:
    found = simultaneous(CHESS, slots=24, workers=0, cores=1)
    assert found.one_by_one_s == 12 * 3600
    assert found.overlapped_s == 3600


def test_few_boards_leave_the_player_waiting() -> None:
    assert simultaneous(CHESS, slots=6, workers=0, cores=1).overlapped_s == 2 * 3600


def test_helpers_parse_no_faster_than_the_cores() -> None:
    work = Work(wait_s=100.0, fetch_s=2.0, parse_s=8.0)
    assert simultaneous(work, 64, 0, 8).parallel_s == 10
    assert simultaneous(work, 64, 4, 8).parallel_s == 2
    assert simultaneous(work, 64, 2, 8).parallel_s == 4
    assert simultaneous(work, 64, 4, 2).parallel_s == 5


def test_no_way_is_shorter_than_the_longest_wait() -> None:
    work = Work(wait_s=10.0, fetch_s=0.1, parse_s=0.1, longest_s=6.0)
    found = simultaneous(work, 64, 2, 2)
    assert (found.overlapped_s, found.parallel_s) == (6, 6)
    assert found.one_by_one_s == pytest.approx(10.2)


@pytest.mark.parametrize(
    ("work", "workers", "longest"),
    [
        (Work(1.0, 5.0, 2.0), 4, "fetching on one thread"),
        (Work(1.0, 2.0, 8.0), 2, "computing on 2 cores"),
        (Work(1.0, 2.0, 8.0), 1, "parsing with 1 worker"),
        (Work(1.0, 2.0, 8.0), 0, "computing on one thread"),
        (Work(100.0, 2.0, 2.0), 2, "waiting with 10 slots"),
        (Work(10.0, 2.0, 2.0, longest_s=9.0), 2, "the longest wait"),
    ],
)
def test_each_bound_is_named(work: Work, workers: int, longest: str) -> None:
    bounds = parallel_bounds(work, 10, workers, 2)
    assert max(bounds, key=lambda name: bounds[name]) == longest
    assert bounds[longest] == simultaneous(work, 10, workers, 2).parallel_s


def test_all_three_ways_are_described() -> None:
    found = simultaneous(Work(55.0, 2.0, 8.0), slots=10, workers=2, cores=2)
    assert sentences.model(found) == (
        "Waiting and computing take 65 s one after the other, at best 10 s if they overlap, "
        "and 5.7 s with 2 parse workers as well."
    )
