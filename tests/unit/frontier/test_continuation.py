"""An entry that was redirected in another shard continues where that one has sent it."""

from pathlib import Path

import pytest

from crawler.frontier.entry import Candidate, Continuation, Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_memory import HostMemory
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.retry import LONGEST_PAUSE
from crawler.frontier.schedule import Wait
from crawler.frontier.state.store import Store
from crawler.frontier.ticket import EntryTicket

URL, NEXT = "http://a.example/", "http://b.example/x"
NOW, UNIX = 50.0, 1_000.0
MEMORY = HostMemory(unix_time=UNIX, now=NOW)


def frontier(after: Continuation) -> Frontier:
    found = Frontier(lambda _: HostPolicy(0, 0.0), robots=False, memory=MEMORY)
    entry = Entry(1, URL, "b.example", 2, URL, next=after)
    assert entry.host == "b.example"
    assert found.window.place(entry.host)
    found.entered([2])
    found.add([entry], NOW)
    return found


def test_it_continues_with_its_redirects_and_attempts() -> None:
    ticket = frontier(Continuation(NEXT, 3, attempt=2, unanswered=1)).next(NOW)
    assert isinstance(ticket, EntryTicket)
    assert (ticket.url, ticket.host, ticket.entry.url) == (NEXT, "b.example", URL)
    assert (ticket.hops, ticket.attempt, ticket.unanswered, ticket.since) == (3, 2, 1, NOW)


@pytest.mark.promise("P22")
@pytest.mark.parametrize(("wait", "waits"), [(7.0, 7.0), (1e9, LONGEST_PAUSE)])
def test_it_waits_as_the_redirect_requested(wait: float, waits: float) -> None:
    found = frontier(Continuation(NEXT, 1, not_before=UNIX + wait))
    assert found.next(NOW) == Wait(NOW + waits, held=True)
    ticket = found.next(NOW + waits)
    assert isinstance(ticket, EntryTicket)
    assert ticket.since == NOW + waits


def test_a_pause_that_is_over_is_not_waited_for() -> None:
    assert isinstance(frontier(Continuation(NEXT, 1, not_before=UNIX - 1)).next(NOW), EntryTicket)


def test_it_is_read_back_unchanged(tmp_path: Path) -> None:
    after = Continuation("http://b.example/ü'\"", 10, 3, 2, 1_234.5)
    store = Store.create(tmp_path / "state.db")
    plain = Candidate(1, 11, "http://b.example/1", "b.example", 0, None, 1)
    moved = Candidate(2, 12, URL, "b.example", 0, None, 1, next=after)
    again = Candidate(3, 12, URL, "b.example", 0, None, 1, next=Continuation(NEXT, 1))
    assert store.add([plain, moved, again]) == {1, 2}
    found = {entry.id: entry.next for entry in store.take(["b.example"], 9, 9)}
    store.close()
    assert found == {1: None, 2: after}
