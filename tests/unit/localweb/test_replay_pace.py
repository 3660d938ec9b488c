"""A replaying server that is late itself still lets the answers take as long as they should."""

from random import Random

import pytest

from crawler.localweb.replay_server import ReplayPace
from crawler.testing import Answer, Seen


class Served:
    """Requests one after the other, each answered ``late`` after its wait was over."""

    def __init__(self) -> None:
        self.pace = ReplayPace()
        self.took: list[float] = []

    def ask(self, latency: float, late: float, lain: float = 0.0, rest: float = 0.0) -> Answer:
        asked = float(len(self.took))
        seen = Seen("GET", "/", "HTTP/1.1", (), "a", 1, asked, ("127.0.0.1", 1), lain=lain)
        script = (b"a", rest, b"b") if rest else ()
        given = self.pace.set(seen, Answer(latency=latency, script=script))
        answered = asked + given.latency + rest + late
        self.pace.note(asked, answered)
        self.took.append(lain + answered - asked)
        return given


def test_what_is_usually_lost_is_taken_off_each_wait() -> None:
    served = Served()
    for _ in range(200):
        given = served.ask(0.1, late=0.006, lain=0.004, rest=0.2)
    assert given.latency == pytest.approx(0.1 - 0.01, abs=0.0005)
    assert served.took[-1] == pytest.approx(0.3, abs=0.0005)


def test_the_waits_add_up_to_what_they_should_be_however_late_it_is() -> None:
    served, random = Served(), Random(1)
    for _ in range(500):
        served.ask(0.03, late=random.choice((0.0, 0.001, 0.015)), lain=random.uniform(0, 0.012))
    assert sum(served.took) == pytest.approx(500 * 0.03, rel=0.002)


def test_no_wait_is_less_than_none_and_none_stays_none() -> None:
    served = Served()
    for _ in range(100):
        served.ask(0.001, late=0.005)
    assert served.ask(0.001, late=0.005).latency == 0.0
    assert served.ask(0.0, late=0.005).latency == 0.0


def test_a_client_that_does_not_read_shortens_the_others_waits_by_little() -> None:
    served = Served()
    served.ask(0.05, late=30.0)
    assert served.ask(0.05, late=0.0).latency > 0.045


def test_a_stretch_that_could_not_be_kept_is_not_paid_for_for_ever() -> None:
    served = Served()
    for _ in range(2000):
        served.ask(0.001, late=0.005)
    for _ in range(200):
        served.ask(0.05, late=0.0)
    assert served.took[-1] == pytest.approx(0.05, abs=0.001)


def test_what_was_owed_to_those_before_is_nobody_elses() -> None:
    served = Served()
    for _ in range(100):
        served.ask(0.03, late=0.015)
    served.pace.begin()
    assert served.ask(0.03, late=0.0).latency == 0.03
