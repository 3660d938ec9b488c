"""The number of slots: asked for again and again, and never waited for."""

from threading import Event

import pytest
from support.orders import PATIENCE

from crawler.distributed.engines import worker_slots
from crawler.distributed.engines.worker_slots import WorkerSlots


class Answers:
    """Answers one number or error after the other; the last one again and again."""

    def __init__(self, *answers: int | OSError) -> None:
        self._answers = list(answers)
        self.last_asked = Event()

    def __call__(self) -> int:
        if len(self._answers) == 1:
            self.last_asked.set()
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_slots, "_INTERVAL_S", 0.001)
    monkeypatch.setattr(worker_slots, "_FIRST_INTERVAL_S", 0.001)


def test_a_first_worker_is_waited_for() -> None:
    with WorkerSlots(Answers(0, OSError("away"), 0, 3), None) as slots:
        assert slots.wait()
        assert slots() == 3


def test_no_worker_is_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_slots, "TIMEOUT_S", 0.05)
    with WorkerSlots(Answers(0), None) as slots:
        assert not slots.wait()


def test_the_number_follows_and_an_error_leaves_it() -> None:
    answers = Answers(2, 5, 4, OSError("away"))
    with WorkerSlots(answers, None) as slots:
        assert answers.last_asked.wait(PATIENCE)
        assert slots() == 4


def test_no_more_than_the_most_are_used() -> None:
    with WorkerSlots(Answers(9), 4) as slots:
        assert slots.wait()
        assert slots() == 4


def test_the_number_is_returned_while_an_answer_is_awaited() -> None:
    asked, answer = Event(), Event()

    def ask() -> int:
        asked.set()
        answer.wait(PATIENCE)
        return 1

    with WorkerSlots(ask, None) as slots:
        assert asked.wait(PATIENCE)
        assert slots() == 0
        answer.set()
