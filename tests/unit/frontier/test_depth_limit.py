"""In a shard, entries deeper than the level of the whole crawl are held back to the end."""

from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.schedule import Wait
from crawler.frontier.ticket import EntryTicket

HOST = "a.example"


def entry(number: int, depth: int) -> Entry:
    return Entry(number, f"http://{HOST}/{number}", HOST, depth, f"http://{HOST}/")


def test_deeper_entries_are_counted_and_not_released() -> None:
    order = DepthOrder({1: 1, 2: 5, 3: 2}, most=1)
    assert (order.lowest, order.too_deep) == (1, 7)
    first, second = entry(1, 1), entry(2, 2)
    order.hold([first, second])
    assert order.release() == [first]
    order.finished(first)
    assert (order.release(), order.held) == ([], 1)
    assert (order.lowest, order.too_deep) == (2, 7)


def test_without_a_limit_nothing_is_too_deep() -> None:
    order = DepthOrder({1: 1, 9: 5})
    assert order.too_deep == 0
    assert DepthOrder({}).lowest is None


def test_a_session_has_nothing_to_do_once_the_level_is_done() -> None:
    frontier = Frontier(
        lambda _: HostPolicy(0, 0.0), robots=False, depth_order=DepthOrder({}, most=0)
    )
    entries = [entry(1, 0), entry(2, 1)]
    for each in entries:
        assert frontier.window.place(each.host)
    frontier.entered([0, 1])
    frontier.add(entries, 0.0)
    assert (frontier.pending, frontier.due) == (2, 1)
    ticket = frontier.next(0.0)
    assert isinstance(ticket, EntryTicket)
    frontier.finish(ticket.entry, 0.0)
    assert isinstance(frontier.next(0.0), Wait)
    assert (frontier.pending, frontier.due) == (1, 0)
    assert not frontier.is_stuck, "no entry of the disk is needed any more"
