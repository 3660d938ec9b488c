"""Which bodies are read on: numbers in, decisions out."""

import random
import threading

import pytest

from crawler.model.body_budget import ArrivingBody, BodyBudget

pytestmark = pytest.mark.promise("P60")
MB = 1_000_000
LIMIT = 40 * MB


class Bodies:
    """A budget, and which of its bodies may be read on."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.budget = BodyBudget(limit)
        self.woken = 0
        self.resumed: list[int] = []
        self.bodies: list[ArrivingBody] = []
        self.budget.start(self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def open(self, size: int) -> bool:
        number = len(self.bodies)
        self.bodies.append(self.budget.open(lambda: self.resumed.append(number)))
        return self.bodies[-1].grew(size)


def test_half_of_the_limit_is_for_every_body() -> None:
    found = Bodies()
    assert [found.open(2 * MB) for _ in range(10)] == [True] * 10
    assert found.woken == 0
    assert not found.open(1)
    assert (found.budget.held, found.woken) == (1, 1)
    assert found.budget.arriving == 20 * MB + 1


def test_three_quarters_are_for_the_oldest() -> None:
    found = Bodies()
    for _ in range(10):
        found.open(2 * MB)
    assert found.bodies[7].grew(12 * MB)
    assert not found.bodies[8].grew(2 * MB + 1)
    assert not found.bodies[7].grew(13 * MB)


def test_the_oldest_body_always_comes_to_its_end() -> None:
    found = Bodies()
    for _ in range(10):
        found.open(3 * MB)
    assert found.bodies[0].grew(50 * MB)
    assert not found.bodies[1].grew(4 * MB)


def test_the_oldest_body_waits_for_later_stages() -> None:
    found = Bodies()
    found.budget.update(30 * MB)
    assert not found.open(1)
    found.budget.update(30 * MB - 1)
    assert found.resumed == [0]
    assert found.budget.held == 0


def test_room_goes_to_the_oldest_first() -> None:
    found = Bodies()
    found.budget.update(LIMIT)
    for _ in range(20):
        found.open(100_000)
    assert found.budget.held == 20
    found.budget.update(LIMIT // 2 - 6 * MB)
    assert found.resumed == [*range(16)]
    found.budget.update(0)
    assert found.resumed == [*range(20)]


@pytest.mark.parametrize("held", [False, True])
def test_a_closed_body_counts_no_more(held: bool) -> None:
    found = Bodies()
    found.budget.update(LIMIT if held else 0)
    found.open(5 * MB)
    for _ in range(2):
        found.bodies[0].close()
        assert (found.budget.arriving, found.budget.held) == (0, 0)
    assert found.bodies[0].grew(9 * MB)
    assert found.budget.arriving == 0


def test_the_time_of_a_hold_is_measured() -> None:
    found = Bodies()
    found.open(MB)
    body = found.bodies[0]
    assert body.held_s(1e12) == 0.0
    found.budget.update(LIMIT)
    body.grew(2 * MB)
    assert body.held_since is not None
    since = body.held_since
    assert body.held_s(since + 3.0) == 3.0
    found.budget.update(0)
    assert 0.0 <= body.held_s(1e12) < 100.0


def test_whatever_arrives_stays_within_the_limit_and_ends() -> None:
    """Bodies grow in random order while they may, and pass through a later stage."""
    rng = random.Random(1)
    for _ in range(20):
        found, size, later, most = Bodies(), 8 * MB, 0, 0
        for _ in range(40):
            found.open(64_000)
        arriving = set(found.bodies)
        for _ in range(100_000):
            free = [body for body in arriving if body.held_since is None]
            if not arriving:
                break
            if free and rng.random() < 0.9:
                body = rng.choice(free)
                if body.size >= size:
                    arriving.discard(body)
                    body.close()
                    later += body.size
                else:
                    body.grew(body.size + 64_000)
            else:
                later = max(0, later - 4 * MB)
            found.budget.update(later)
            most = max(most, found.budget.arriving + later)
        assert not arriving
        assert most < LIMIT


def test_many_threads_may_use_it() -> None:
    budget = BodyBudget(MB)

    def fetch() -> None:
        for _ in range(50):
            room = threading.Event()
            body = budget.open(room.set)
            for size in range(64_000, 400_000, 64_000):
                room.clear()
                if not body.grew(size):
                    assert room.wait(10)
            body.close()

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        budget.update(0)
    assert (budget.arriving, budget.held) == (0, 0)
