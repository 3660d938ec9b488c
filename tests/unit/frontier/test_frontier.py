"""Entries and requests told apart; robots.txt first."""

from typing import Any

import pytest

from crawler.frontier import redirect, robots_memory
from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.robots import from_answer, unreachable
from crawler.frontier.schedule import Schedule, Wait
from crawler.frontier.ticket import (
    Disallowed,
    DocumentTicket,
    EntryTicket,
    RobotsTicket,
    Ticket,
)
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason
from crawler.model.scope import make_scope
from crawler.model.urls import host_name

FREE = HostPolicy(0, 0.0)


def frontier(robots: bool = False, policy: HostPolicy = FREE, **options: Any) -> Frontier:
    return Frontier(lambda _: policy, robots=robots, **options)


def add(queue: Frontier, *urls: str, depth: int = 0) -> list[Entry]:
    """New entries, each with a place in memory."""
    first = queue.pending + 1
    entries = [Entry(first + n, url, host_name(url), depth, url) for n, url in enumerate(urls)]
    for entry in entries:
        assert queue.window.place(entry.host)
    queue.entered([depth] * len(entries))
    queue.add(entries, 0.0)
    return entries


def take(queue: Frontier, now: float = 0.0) -> Ticket:
    turn = queue.next(now)
    assert isinstance(turn, Ticket)
    return turn


def entry_of(ticket: Ticket) -> Entry:
    assert isinstance(ticket, EntryTicket)
    return ticket.entry


def test_entries_of_a_host_keep_their_order() -> None:
    queue = frontier(policy=HostPolicy(0, 2.0))
    first, second = add(queue, "http://a.example/1", "http://a.example/2")
    assert "2 waiting" in repr(queue)
    ticket = take(queue)
    assert (entry_of(ticket), ticket.url, ticket.attempt, ticket.since) == (
        first,
        first.url,
        1,
        0.0,
    )
    assert queue.next(1.0) == Wait(2.0, held=True)
    assert entry_of(take(queue, 5.0)) == second
    assert "0 waiting" in repr(queue)


def test_a_delay_does_not_count_as_queueing() -> None:
    queue = frontier(policy=HostPolicy(0, 2.0))
    add(queue, "http://a.example/1", "http://a.example/2")
    take(queue)
    assert take(queue, 5.0).since == 2.0


def test_a_final_entry_is_no_longer_pending() -> None:
    queue = frontier(pending=3)
    entry, _ = add(queue, "http://a.example/1", "http://b.example/")
    assert (queue.pending, queue.window.held) == (5, 2)
    queue.finish(entry, 0.0)
    assert (queue.pending, queue.window.held) == (4, 1)


def test_retries_and_redirects_belong_to_their_entry() -> None:
    queue = frontier()
    (entry,) = add(queue, "http://a.example/x")
    ticket = take(queue)
    queue.release(ticket, 1.0)
    queue.redirect(ticket, "http://b.example/y", 1.0)
    hop = take(queue, 1.0)
    assert (hop.url, hop.host, hop.hops, entry_of(hop)) == (
        "http://b.example/y",
        "b.example",
        1,
        entry,
    )
    queue.release(hop, 2.0)
    queue.repeat(hop, 2.0)
    again = take(queue, 2.0)
    assert (again.url, again.resets, again.attempt) == (hop.url, 1, 1)
    queue.release(again, 3.0)
    queue.retry(again, 9.0)
    assert queue.next(8.0) == Wait(9.0, held=True)
    assert (take(queue, 9.0).attempt, queue.pending) == (2, 1)


def test_a_redirect_ends_the_repeats_of_a_request() -> None:
    queue = frontier()
    add(queue, "http://a.example/x")
    ticket = take(queue)
    queue.release(ticket, 1.0)
    queue.repeat(ticket, 1.0)
    again = take(queue, 1.0)
    queue.release(again, 2.0)
    queue.redirect(again, "http://b.example/y", 2.0)
    assert (again.resets, take(queue, 2.0).resets) == (1, 0)


def test_a_level_starts_after_the_one_before() -> None:
    queue = frontier(depth_order=DepthOrder({}))
    first, second = add(queue, "http://a.example/1", "http://a.example/2")
    take(queue)
    add(queue, "http://b.example/", depth=1)
    queue.finish(first, 0.0)
    assert entry_of(take(queue)) == second
    assert isinstance(queue.next(0.0), Wait)
    queue.finish(second, 0.0)
    assert take(queue).url == "http://b.example/"


def test_a_document_request_goes_first_and_uncounted() -> None:
    queue = frontier()
    add(queue, "http://a.example/x")
    delivered: list[object] = []
    queue.add_document("http://a.example/sitemap.xml", 0.0, delivered.append)
    ticket = take(queue)
    assert isinstance(ticket, DocumentTicket)
    assert (ticket.url, ticket.deliver) == ("http://a.example/sitemap.xml", delivered.append)
    assert queue.pending == 1


@pytest.mark.promise("P24")
def test_robots_txt_is_the_first_request_alone() -> None:
    queue = frontier(robots=True)
    add(queue, "http://a.example/x", "http://a.example/y", "http://b.example/")
    first, second = take(queue), take(queue)
    assert {first.url, second.url} == {
        "http://a.example/robots.txt",
        "http://b.example/robots.txt",
    }
    assert isinstance(first, RobotsTicket)
    assert isinstance(queue.next(0.0), Wait)
    queue.release(first, 0.0)
    queue.set_rules("http://a.example", from_answer(404, b"", "crawler"), 0.0)
    assert take(queue).url == "http://a.example/x"


@pytest.mark.promise("P24")
def test_disallowed_urls_are_not_requested() -> None:
    queue = frontier(robots=True, policy=HostPolicy(1, 5.0))
    add(queue, "http://a.example/private", "http://a.example/open")
    ticket = take(queue)
    queue.release(ticket, 0.0)
    rules = from_answer(200, b"User-agent: *\nDisallow: /private", "crawler")
    queue.set_rules("http://a.example", rules, 0.0)
    turn = queue.next(10.0)
    assert isinstance(turn, Disallowed)
    assert isinstance(turn.why, SkipError)
    assert turn.why.reason is SkipReason.ROBOTS
    # It cost the host neither its place nor its delay.
    assert take(queue, 10.0).url == "http://a.example/open"


@pytest.mark.promise("P24")
def test_robots_txt_is_retried_while_its_host_waits() -> None:
    queue = frontier(robots=True)
    add(queue, "http://a.example/")
    ticket = take(queue)
    queue.release(ticket, 0.0)
    queue.retry(ticket, 3.0)
    turn = queue.next(1.0)
    assert isinstance(turn, Wait)
    assert turn.until == 3.0
    again = take(queue, 3.0)
    assert isinstance(again, RobotsTicket)
    assert (again.site, again.attempt) == ("http://a.example", 2)


@pytest.mark.promise("P43")
def test_a_crawl_delay_slows_its_host() -> None:
    queue = frontier(robots=True)
    add(queue, "http://a.example/1", "http://a.example/2")
    queue.release(take(queue), 0.0)
    rules = from_answer(200, b"User-agent: *\nCrawl-delay: 7", "c")
    queue.set_rules("http://a.example", rules, 0.0)
    for asked in (7.0, 14.0):  # the first page too: robots.txt was a request like others
        turn = queue.next(asked - 0.1)
        assert isinstance(turn, Wait)
        assert turn.until == asked
        ticket = take(queue, asked)
        queue.release(ticket, asked)


@pytest.mark.promise("P76")
def test_the_longest_crawl_delay_of_its_origins_holds_for_a_host() -> None:
    queue = frontier(robots=True)
    for site, delay in (("http://a.example", 7), ("https://a.example", 3)):
        rules = from_answer(200, f"User-agent: *\nCrawl-delay: {delay}".encode(), "c")
        queue.set_rules(site, rules, 0.0)
    assert queue.delay("a.example") == 7
    queue.set_rules("http://a.example", from_answer(404, b"", "c"), 0.0)
    assert queue.delay("a.example") == 3
    queue.set_rules("https://a.example", from_answer(404, b"", "c"), 0.0)
    assert queue.delay("a.example") == 0


@pytest.mark.promise("P24")
@pytest.mark.parametrize(
    ("status", "allowed"), [(200, True), (404, True), (403, True), (500, False), (503, False)]
)
def test_the_status_of_robots_txt_decides(status: int, allowed: bool) -> None:
    rules = from_answer(status, b"", "crawler")
    assert (rules.refusal("http://a.example/x") is None) is allowed


@pytest.mark.promise("P24")
def test_entries_end_as_their_robots_txt_did() -> None:
    refusal = unreachable(FetchError(FailureKind.TLS, "expired")).refusal("https://a.example/x")
    assert isinstance(refusal, FetchError)
    assert refusal.kind is FailureKind.TLS
    assert "robots.txt" in refusal.message


@pytest.mark.promise("P25")
@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /p",
        b"user-agent:crawler\ndisallow:/p",
        b"User-agent: *\n\x00\xff\nDisallow: /p\n" + b"# " + b"x" * 2_000_000,
    ],
)
def test_robots_txt_as_found_in_the_wild(body: bytes) -> None:
    rules = from_answer(200, body, "crawler/1.0")
    assert rules.refusal("http://a.example/p/x") is not None
    assert rules.refusal("http://a.example/q") is None


@pytest.mark.promise("P25")
def test_robots_txt_counts_up_to_500_kib() -> None:
    body = b"User-agent: *\n" + b"#" * 512_000 + b"\nDisallow: /"
    assert from_answer(200, body, "crawler").refusal("http://a.example/") is None


def hop(location: str | None, *, depth: int = 0, hops: int = 0) -> str:
    entry = Entry(1, "http://a.example/x", "a.example", depth, "http://a.example/")
    ticket = EntryTicket("http://a.example/x", "a.example", 0.0, entry=entry, hops=hops)
    return redirect.target(ticket, location, make_scope("host"))


def test_a_redirect_is_joined_with_its_url() -> None:
    assert hop("../y#part") == "http://a.example/y"


@pytest.mark.promise("P06")
@pytest.mark.parametrize("location", [None, "", "  "])
def test_a_redirect_without_location_is_a_failure(location: str | None) -> None:
    with pytest.raises(FetchError) as caught:
        hop(location)
    assert caught.value.kind is FailureKind.REDIRECT


def test_redirects_of_links_stay_in_scope() -> None:
    assert hop("http://b.example/") == "http://b.example/"
    with pytest.raises(SkipError) as caught:
        hop("http://b.example/", depth=1)
    assert caught.value.reason is SkipReason.SCOPE


@pytest.mark.promise("P23")
def test_unused_robots_rules_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = from_answer(200, b"User-agent: *\nCrawl-delay: 60", "c")
    monkeypatch.setattr(robots_memory, "MOST_BYTES", 4 * rules.size)
    queue = frontier(robots=True)
    slow = [f"http://slow{n}.example" for n in range(8)]
    add(queue, *(f"{site}/" for site in slow))
    for _ in slow:
        ticket = take(queue)
        assert isinstance(ticket, RobotsTicket)
        queue.release(ticket, 0.0)
        queue.set_rules(ticket.site, rules, 0.0)
    for _ in slow:
        ticket = take(queue, 60.0)
        assert isinstance(ticket, EntryTicket)
        queue.release(ticket, 60.0)
    for n in range(20):
        queue.set_rules(f"http://other{n}.example", rules, 60.0)
    assert queue._robots is not None
    assert len(queue._robots) == len(queue._policies._delays) == 4


def test_repr_shows_entries_requests_and_hosts() -> None:
    queue = frontier()
    add(queue, "http://a.example/1", "http://a.example/2", "http://b.example/")
    queue.release(take(queue), 0.0)
    assert repr(queue) == "Frontier(3 pending, 3 in memory, Schedule(2 waiting, 2 hosts))"


def test_repr_of_a_schedule_shows_requests_and_hosts() -> None:
    schedule: Schedule[str] = Schedule(lambda _: HostPolicy(1, 2.0))
    schedule.push("a.example", "first")
    schedule.push("a.example", "second")
    schedule.push_later("b.example", "later", 9.0)
    schedule.next(0.0)
    assert repr(schedule) == "Schedule(2 waiting, 1 hosts)"


@pytest.mark.promise("P63")
def test_a_host_keeps_its_delay_when_its_rules_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = from_answer(200, b"User-agent: *\nCrawl-delay: 5", "c")
    monkeypatch.setattr(robots_memory, "MOST_BYTES", rules.size)
    queue = frontier(robots=True)
    add(queue, "http://a.example/1", "http://a.example/2", "http://b.example/1")
    for _ in range(2):
        ticket = take(queue)
        assert isinstance(ticket, RobotsTicket)
        queue.release(ticket, 0.0)
        queue.set_rules(ticket.site, rules, 0.0)
    assert isinstance(queue.next(4.0), Wait)
    asked = [take(queue, 5.0), take(queue, 5.0)]
    assert {ticket.url for ticket in asked} == {"http://a.example/1", "http://b.example/1"}
    for ticket in asked:
        queue.release(ticket, 5.0)
    assert isinstance(queue.next(9.0), Wait)
    again = take(queue, 10.0)
    assert isinstance(again, RobotsTicket)
    queue.release(again, 10.0)
    queue.set_rules(again.site, rules, 10.0)
    assert isinstance(queue.next(14.0), Wait)
    assert take(queue, 15.0).url == "http://a.example/2"


@pytest.mark.promise("P63")
def test_robots_txt_is_requested_again_after_a_day() -> None:
    queue = frontier(robots=True)
    add(queue, "http://a.example/1", "http://a.example/2")
    first = take(queue)
    assert isinstance(first, RobotsTicket)
    queue.release(first, 0.0)
    queue.set_rules(first.site, from_answer(404, b"", "c"), 0.0)
    assert take(queue, 10.0).url == "http://a.example/1"
    assert isinstance(take(queue, 86_400.0), RobotsTicket)
