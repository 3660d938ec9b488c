"""The attempts of an entry, and the time of its next one, outlive a session."""

import pytest

from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_memory import HostMemory
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.learned import OVER, Learned, RetryRecord
from crawler.frontier.schedule import Wait
from crawler.frontier.ticket import EntryTicket

pytestmark = pytest.mark.promise("P74")

UNIX, NOW = 1_000_000.0, 50.0
URL = "http://a.example/"
ENTRY = Entry(7, URL, "a.example", 0, URL)


def frontier(*records: RetryRecord, passed: float = 0.0) -> Frontier:
    """It has one entry; the last commit was ``passed`` seconds ago."""
    known = HostMemory(Learned(retries=records), UNIX, UNIX + passed, NOW, is_exact=True)
    found = Frontier(lambda _: HostPolicy(0, 0.0), robots=False, memory=known)
    assert found.window.place(ENTRY.host)
    found.entered([0])
    found.add([ENTRY], NOW)
    return found


def taken(found: Frontier, now: float) -> EntryTicket:
    ticket = found.next(now)
    assert isinstance(ticket, EntryTicket)
    found.release(ticket, now)
    return ticket


def test_an_entry_that_waits_for_its_retry_is_told_once() -> None:
    found = frontier()
    found.retry(taken(found, NOW), NOW + 20.0)
    assert found.learned(NOW + 5.0, UNIX + 5.0).retries == [RetryRecord(7, 2, 0, UNIX + 20.0)]
    assert found.learned(NOW + 5.0, UNIX + 5.0).retries == []
    found.finish(ENTRY, NOW + 30.0)
    (over,) = found.learned(NOW + 30.0, UNIX + 30.0).retries
    assert (over.id, over.attempt) == (7, OVER)


def test_an_entry_that_was_never_repeated_is_not_told() -> None:
    found = frontier()
    taken(found, NOW)
    found.finish(ENTRY, NOW)
    assert found.learned(NOW, UNIX).retries == []


@pytest.mark.parametrize(("passed", "wait"), [(0.0, 20.0), (8.0, 12.0), (90.0, 0.0), (-99.0, 20.0)])
def test_a_resume_sends_it_as_the_same_attempt_at_the_same_time(passed: float, wait: float) -> None:
    """A clock that was set back makes no wait longer."""
    found = frontier(RetryRecord(7, 3, 1, UNIX + 20.0), passed=passed)
    if wait:
        assert found.next(NOW + wait - 0.1) == Wait(pytest.approx(NOW + wait), held=True)
    ticket = taken(found, NOW + wait)
    assert (ticket.attempt, ticket.unanswered, ticket.sent) == (3, 1, 3)
    found.finish(ENTRY, NOW + 30.0)
    assert [each.attempt for each in found.learned(NOW, UNIX).retries] == [OVER]
