"""What sessions learn, in the state file."""

from contextlib import closing
from pathlib import Path

import pytest

from crawler.frontier.learned import OVER, Learned, RetryRecord, RobotsRecord
from crawler.frontier.state import learned_tables
from crawler.frontier.state.learned_tables import LIFETIME
from crawler.frontier.state.store import Store

pytestmark = pytest.mark.promise("P74")


def robots(number: int, fetched: float = 5.0, text: str = "") -> RobotsRecord:
    return RobotsRecord(f"http://{number}.example", fetched, 0.5, text)


def stored(path: Path, *commits: Learned, now: float = 9.0) -> Learned:
    """What is read after these ``commits``."""
    with closing(Store.create(path)) as store:
        for learned in commits:
            store.learn(learned)
            store.commit({})
    with closing(Store.open(path)) as store:
        return store.learned(now)


def test_a_robots_txt_is_replaced(path: Path) -> None:
    old, new = robots(1, 5.0, 'Allow: /"é"\nDisallow: /'), robots(1, 7.0)
    assert stored(path, Learned(robots=[old, robots(2)]), Learned(robots=[new])) == Learned(
        [], [robots(2), new], []
    )


def test_a_robots_txt_is_known_for_a_day(path: Path) -> None:
    commit = Learned(robots=[robots(1, 5.0), robots(2, 6.0)])
    assert stored(path, commit, now=5.0 + LIFETIME).robots == [robots(2, 6.0)]


def test_those_that_were_asked_last_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_tables, "MOST_ROBOTS", 3)
    commits = [Learned(robots=[robots(number)]) for number in (1, 2, 3, 1, 4)]
    assert stored(path, *commits).robots == [robots(3), robots(1), robots(4)]


def test_retries_are_replaced_and_forgotten(path: Path) -> None:
    first = Learned(retries=[RetryRecord(n, 2, 0, 10.25) for n in (1, 2, 3)])
    again = RetryRecord(2, 3, 1, 20.5)
    second = Learned(retries=[RetryRecord(1, OVER, 0, 0.0), again])
    assert stored(path, first, second).retries == [again, RetryRecord(3, 2, 0, 10.25)]
