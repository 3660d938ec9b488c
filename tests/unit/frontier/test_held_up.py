"""Which requests are held up, and which must make room."""

import pytest

from crawler.frontier import held_up as module
from crawler.frontier.held_up import FirstByteWait, HeldUp
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.schedule import Schedule, Standing, Wait
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Response, Timing

pytestmark = pytest.mark.promise("P79")
TIMED_OUT = FetchError(FailureKind.TIMEOUT, "no response")


def answer(first_byte: float) -> Response:
    return Response(200, (), b"", Timing(first_byte=first_byte))


def answered(held_up: HeldUp, host: str, seconds: float, now: float = 0.0) -> bool:
    return held_up.end(held_up.start(host, now), answer(seconds), now + seconds)


def started(held_up: HeldUp, count: int, now: float = 0.0) -> list[FirstByteWait]:
    return [held_up.start(f"h{number}", now) for number in range(count)]


def test_a_request_without_a_first_byte_is_held_up_after_a_second() -> None:
    held_up = HeldUp(4)
    begun, ended, *late = started(held_up, 4)
    begun.begin()
    held_up.end(ended, FetchError(FailureKind.RESET, "cut"), 0.5)
    held_up.look(0.99)
    assert not held_up.is_crowded
    held_up.look(1.0)
    assert held_up.is_crowded
    assert [held_up.standing(wait.host) for wait in late] == [Standing.SILENT] * 2
    assert held_up.standing(begun.host) is Standing.NEW
    late[0].begin()
    assert not held_up.is_crowded


def test_four_medians_of_this_run_are_not_late() -> None:
    held_up = HeldUp(2)
    for number in range(300):
        answered(held_up, f"h{number}", 0.5 + number % 2)
    assert 2.0 <= held_up.limit <= 6.0
    held_up.start("a", 0.0)
    held_up.look(1.9)
    assert not held_up.is_crowded
    held_up.look(6.1)
    assert held_up.is_crowded


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_the_median_is_found_among_outliers(share: float) -> None:
    held_up = HeldUp(2)
    for number in range(1000):
        answered(held_up, "a", 30.0 if number % 10 < share * 10 else 0.4 + number % 3 / 10)
    assert 4 * 0.35 <= held_up.limit <= 4 * 0.75


def test_the_latest_beyond_the_allowed_number_are_in_excess() -> None:
    held_up = HeldUp(6)
    waits = started(held_up, 6)
    held_up.look(1.0)
    assert held_up.excess(3) == waits[3:]
    waits[4].begin()
    held_up.look(1.1)
    assert held_up.excess(3) == [waits[3], waits[5]]
    for wait in held_up.excess(3):
        wait.interrupt()
    held_up.look(1.2)
    assert held_up.excess(3) == ()
    assert held_up.excess(0) == waits[:3]


def test_a_request_to_a_silent_host_is_held_up_at_once() -> None:
    held_up = HeldUp(2)
    held_up.end(held_up.start("a", 0.0), TIMED_OUT, 0.5)
    assert held_up.standing("a") is Standing.SILENT
    held_up.start("a", 1.0)
    assert held_up.is_crowded


def test_an_answer_ends_the_silence() -> None:
    held_up = HeldUp(2)
    assert not answered(held_up, "a", 0.1)
    slow = held_up.start("a", 0.0)
    others = [held_up.start(host, 0.0) for host in ("b", "c")]
    held_up.look(1.0)
    assert held_up.standing("a") is Standing.SILENT
    assert answered(held_up, "a", 0.1, 1.0), "it was silent"
    assert held_up.standing("a") is Standing.ANSWERS
    assert slow not in held_up.excess(1), "its host answers"
    assert held_up.excess(1) == others


def test_an_interrupted_request_is_no_answer() -> None:
    held_up = HeldUp(1)
    wait = held_up.start("a", 0.0)
    held_up.look(1.0)
    wait.interrupt()
    wait.begin()  # by its own thread, which sees the end of the connection
    assert not held_up.end(wait, None, 1.1)
    assert held_up.standing("a") is Standing.SILENT


def test_one_slot_is_never_in_the_way() -> None:
    held_up = HeldUp(1)
    held_up.start("a", 0.0)
    held_up.look(9.0)
    assert held_up.is_crowded
    assert held_up.excess(1) == ()


@pytest.mark.promise("P23")
def test_what_is_known_about_hosts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 10)
    held_up = HeldUp(2)
    for number in range(100):
        answered(held_up, f"good{number}", 0.1)
        held_up.end(held_up.start(f"bad{number}", 0.0), TIMED_OUT, 1.0)
    assert len(held_up._answering) == len(held_up._silent) == 10
    assert held_up.standing("good99") is Standing.ANSWERS
    assert held_up.standing("bad0") is Standing.NEW


def test_a_wary_schedule_prefers_hosts_that_answer() -> None:
    standing = {"s": Standing.SILENT, "n": Standing.NEW, "a": Standing.ANSWERS}
    schedule: Schedule[str] = Schedule(
        lambda host: HostPolicy(1, 1.0 if host == "a" else 0.0), None, standing.__getitem__
    )
    for item in ("s1", "s2", "n1", "a1", "a2", "n2"):
        schedule.push(item[0], item)
    went = []
    for now in (0.0, 0.0, 0.0):
        turn = schedule.next(now, wary=True)
        assert not isinstance(turn, Wait)
        went.append(turn[1])
        schedule.release(turn[1][0], now)
    assert went == ["a1", "n1", "n2"]
    assert schedule.next(0.5, wary=True) == Wait(1.0, held=True), "a silent host has to wait"
    assert not schedule.others_wait(0.5)
    assert schedule.others_wait(1.0)
    assert schedule.next(1.0, wary=True) == (1.0, "a2")
    assert schedule.next(1.0, wary=True) == (0.0, "s1")
    schedule.release("s", 1.0)
    assert schedule.next(1.0) == (1.0, "s2")


def test_requests_that_are_over_are_forgotten_although_nobody_looks() -> None:
    held_up = HeldUp(4)
    for number in range(1_000):
        answered(held_up, f"h{number}", 0.1, float(number))
    assert len(held_up._waits) <= 4 * 8
