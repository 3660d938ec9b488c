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


def test_the_usual_delay_is_subtracted_from_waits() -> None:
    served = Served()
    for _ in range(200):
        given = served.ask(0.1, late=0.006, lain=0.004, rest=0.2)
    assert given.latency == pytest.approx(0.1 - 0.01, abs=0.0005)
    assert served.took[-1] == pytest.approx(0.3, abs=0.0005)


def test_late_waits_still_add_up() -> None:
    served, random = Served(), Random(1)
    for _ in range(500):
        served.ask(0.03, late=random.choice((0.0, 0.001, 0.015)), lain=random.uniform(0, 0.012))
    assert sum(served.took) == pytest.approx(500 * 0.03, rel=0.002)


def test_no_wait_is_negative() -> None:
    served = Served()
    for _ in range(100):
        served.ask(0.001, late=0.005)
    assert served.ask(0.001, late=0.005).latency == 0.0
    assert served.ask(0.0, late=0.005).latency == 0.0


def test_a_slow_client_hardly_shortens_other_waits() -> None:
    served = Served()
    served.ask(0.05, late=30.0)
    assert served.ask(0.05, late=0.0).latency > 0.045


def test_an_old_debt_is_forgotten() -> None:
    served = Served()
    for _ in range(2000):
        served.ask(0.001, late=0.005)
    for _ in range(200):
        served.ask(0.05, late=0.0)
    assert served.took[-1] == pytest.approx(0.05, abs=0.001)


def test_a_new_run_begins_without_debt() -> None:
    served = Served()
    for _ in range(100):
        served.ask(0.03, late=0.015)
    served.pace.begin()
    assert served.ask(0.03, late=0.0).latency == 0.03
