"""When a host may be asked again after a resume."""

import pytest

from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_memory import UNSEEN, HostChanges, HostMemory
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.learned import HostRecord, Learned
from crawler.frontier.retry import LONGEST_PAUSE
from crawler.frontier.schedule import Wait
from crawler.frontier.ticket import EntryTicket, RequestEnd

pytestmark = pytest.mark.promise("P74")
A = "a.example"
FREE, USUAL = HostPolicy(0, 0.0), HostPolicy(4, 0.25)
COMMITTED, NOW = 1000.0, 50.0


def memory(*records: HostRecord, passed: float = 0.0, is_exact: bool = False) -> HostMemory:
    return HostMemory(Learned(records), COMMITTED, COMMITTED + passed, NOW, is_exact=is_exact)


@pytest.mark.parametrize(
    ("record", "policy", "passed", "wait"),
    [
        (HostRecord(A, 1100.0, 0.0, 0.0, True), FREE, 10.0, 90.0),
        (HostRecord(A, 1100.0, 0.0, 0.0, True), FREE, 100.0, None),
        (HostRecord(A, 0.0, 20.0, 0.0, True), USUAL, 10.0, 10.0 + UNSEEN),
        (HostRecord(A, 0.0, 0.0, 60.0, True), USUAL, 10.0, 50.0 + UNSEEN),
        (HostRecord(A, 0.0, 1.0, 0.0, True), HostPolicy(1, 30.0), 10.0, 20.0 + UNSEEN),
        (HostRecord("b.example", 1100.0, 9.0, 0.0, True), USUAL, 0.0, 0.25 + UNSEEN),
        (HostRecord("b.example", 1100.0, 9.0, 0.0, True), FREE, 0.0, None),
        (HostRecord(A, 0.0, 0.0, 0.0, True), USUAL, 9.0, None),
        (HostRecord(A, 0.0, 20.0, 0.0, True), USUAL, -500.0, 20.0 + UNSEEN),
        (HostRecord(A, 9e9, 0.0, 0.0, True), FREE, 0.0, LONGEST_PAUSE),
    ],
)
def test_a_host_waits_for_what_it_asked(
    record: HostRecord, policy: HostPolicy, passed: float, wait: float | None
) -> None:
    until = memory(record, passed=passed).not_before(A, policy)
    assert until == pytest.approx(0.0 if wait is None else NOW + wait)


@pytest.mark.parametrize(
    ("record", "policy", "passed", "wait"),
    [
        (HostRecord(A, 1100.0, 20.0, 0.0, True), USUAL, 10.0, 90.0),
        (HostRecord(A, 1000.2, 0.0, 0.0, True), USUAL, 0.1, 0.1),
        (HostRecord(A, 990.0, 20.0, 60.0, True), HostPolicy(1, 30.0), 0.0, None),
        (HostRecord("b.example", 1100.0, 9.0, 0.0, True), USUAL, 0.0, None),
        (HostRecord(A, 1020.0, 20.0, 0.0, True), USUAL, -500.0, 20.0),
    ],
)
def test_after_an_end_in_order_only_what_is_left_is_waited_for(
    record: HostRecord, policy: HostPolicy, passed: float, wait: float | None
) -> None:
    until = memory(record, passed=passed, is_exact=True).not_before(A, policy)
    assert until == pytest.approx(0.0 if wait is None else NOW + wait)


@pytest.mark.parametrize("per_host", [1, 4])
@pytest.mark.parametrize("is_answered", [True, False])
def test_the_end_of_a_session_tells_when_a_host_may_be_asked(
    per_host: int, is_answered: bool
) -> None:
    found = Frontier(lambda _: HostPolicy(per_host, 3.0), robots=False)
    found.window.place(A)
    found.entered([0])
    found.add([Entry(1, f"http://{A}/", A, 0, f"http://{A}/")], NOW)
    ticket = found.next(NOW)
    assert isinstance(ticket, EntryTicket)
    if is_answered:
        found.release(ticket, NOW + 1.0, RequestEnd(NOW, status=200, answered=True))
    end = NOW + (1.0 if is_answered else 2.0)
    counts_from = {4: NOW, 1: end}[per_host]
    (host,) = found.learned(NOW + 2.0, COMMITTED, is_last=True).hosts
    assert host.until == pytest.approx(COMMITTED + counts_from + 3.0 - (NOW + 2.0))
    if is_answered:
        assert found.learned(NOW + 9.0, COMMITTED, is_last=True).hosts == []


def frontier(known: HostMemory | None = None) -> Frontier:
    found = Frontier(lambda _: USUAL, robots=False, memory=known)
    entry = Entry(1, f"http://{A}/", A, 0, f"http://{A}/")
    assert found.window.place(A)
    found.entered([0])
    found.add([entry], NOW)
    return found


def test_the_first_request_of_a_resume_waits() -> None:
    found = frontier(memory(HostRecord(A, COMMITTED + 7.0, 0.0, 0.0, True)))
    assert found.next(NOW) == Wait(NOW + 7.0, held=True)
    assert isinstance(found.next(NOW + 7.0), EntryTicket)


def test_a_slowed_host_stays_slow() -> None:
    found = frontier(memory(HostRecord(A, 0.0, 0.0, 8.0, True), passed=99.0))
    assert found.delay(A) == 8.0


def test_a_first_session_does_not_wait() -> None:
    assert HostMemory().not_before(A, USUAL) == 0.0


def test_only_hosts_that_changed_are_written() -> None:
    found = frontier()
    ticket = found.next(NOW)
    assert isinstance(ticket, EntryTicket)
    found.release(ticket, NOW, RequestEnd(NOW, status=200, answered=True))
    assert found.learned(NOW, COMMITTED).hosts == [HostRecord(A, 0.0, 0.0, 0.0, True)]
    assert found.learned(NOW, COMMITTED).hosts == []
    found.repeat(ticket, NOW)
    again = found.next(NOW + 1.0)
    assert isinstance(again, EntryTicket)
    found.release(again, NOW + 1.0, RequestEnd(NOW, status=503, pause=100.0, answered=True))
    assert found.learned(NOW + 1.0, COMMITTED).hosts == [
        HostRecord(A, COMMITTED + 100.0, 0.0, 0.5, False)
    ]


def test_a_pause_that_is_over_is_forgotten() -> None:
    changes = HostChanges(lambda _: 1.0, lambda _: 2.0)
    changes.hold(A, 5.0)
    assert changes.take(1.0, 1001.0) == [HostRecord(A, 1005.0, 1.0, 2.0, False)]
    changes.answer(A)
    assert changes.take(6.0, 1006.0) == [HostRecord(A, 0.0, 1.0, 2.0, True)]
