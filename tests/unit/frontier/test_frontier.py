"""Entries and requests told apart; robots.txt first."""

from typing import Any

import pytest

from crawler.frontier import frontier as module
from crawler.frontier import redirect
from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.robots import from_answer, unreachable
from crawler.frontier.schedule import HostPolicy, Wait
from crawler.frontier.ticket import Disallowed, Ticket
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason
from crawler.model.scope import make_scope

FREE = HostPolicy(0, 0.0)


def frontier(robots: bool = False, policy: HostPolicy = FREE, **options: Any) -> Frontier:
    return Frontier(lambda _: policy, robots=robots, **options)


def add(box: Frontier, *urls: str, depth: int = 0) -> list[Entry]:
    """New entries, each with a place in memory."""
    first = box.pending + 1
    entries = [Entry(first + n, url, depth, url) for n, url in enumerate(urls)]
    for entry in entries:
        assert box.heads.place(entry.host)
    box.entered([depth] * len(entries))
    box.add(entries, 0.0)
    return entries


def take(box: Frontier, now: float = 0.0) -> Ticket:
    turn = box.next(now)
    assert isinstance(turn, Ticket)
    return turn


def test_entries_of_a_host_go_in_their_order_and_know_since_when_they_could() -> None:
    box = frontier(policy=HostPolicy(0, 2.0))
    first, second = add(box, "http://a.example/1", "http://a.example/2")
    assert box.waiting == 2
    ticket = take(box)
    assert (ticket.entry, ticket.url, ticket.attempt, ticket.since) == (first, first.url, 1, 0.0)
    assert box.next(1.0) == Wait(2.0, held=True)
    assert (take(box, 5.0).entry, box.waiting) == (second, 0)


def test_the_time_in_a_queue_behind_a_delay_is_not_the_slots_fault() -> None:
    box = frontier(policy=HostPolicy(0, 2.0))
    add(box, "http://a.example/1", "http://a.example/2")
    take(box)
    assert take(box, 5.0).since == 2.0


def test_what_is_final_is_no_longer_pending_and_leaves_its_place() -> None:
    box = frontier(pending=3)
    entry, _ = add(box, "http://a.example/1", "http://b.example/")
    assert (box.pending, box.heads.held) == (5, 2)
    box.finish(entry, 0.0)
    assert (box.pending, box.heads.held) == (4, 1)


def test_a_retry_and_a_hop_are_requests_of_the_same_entry() -> None:
    box = frontier()
    (entry,) = add(box, "http://a.example/x")
    ticket = take(box)
    box.release(ticket, 1.0)
    box.redirect(ticket, "http://b.example/y", 1.0)
    hop = take(box, 1.0)
    assert (hop.url, hop.host, hop.hops, hop.entry) == ("http://b.example/y", "b.example", 1, entry)
    box.release(hop, 2.0)
    box.repeat(hop, 2.0)
    again = take(box, 2.0)
    assert (again.url, again.resets, again.attempt) == (hop.url, 1, 1)
    box.release(again, 3.0)
    box.retry(again, 9.0)
    assert box.next(8.0) == Wait(9.0, held=True)
    assert (take(box, 9.0).attempt, box.pending) == (2, 1)


def test_level_by_level_nothing_deeper_goes_before_all_that_is_less_deep_is_final() -> None:
    box = frontier(levels=DepthOrder({}))
    first, second = add(box, "http://a.example/1", "http://a.example/2")
    take(box)
    add(box, "http://b.example/", depth=1)
    box.finish(first, 0.0)
    assert take(box).entry == second
    assert isinstance(box.next(0.0), Wait)
    box.finish(second, 0.0)
    assert take(box).url == "http://b.example/"


def test_a_question_that_is_no_entrys_goes_first_and_is_not_counted() -> None:
    box = frontier()
    add(box, "http://a.example/x")
    told: list[object] = []
    box.add_document("http://a.example/sitemap.xml", 0.0, told.append)
    ticket = take(box)
    assert (ticket.url, ticket.entry, ticket.robots_of) == (
        "http://a.example/sitemap.xml",
        None,
        None,
    )
    assert box.pending == 1


def test_robots_txt_is_the_first_request_of_a_host_and_the_only_one_until_it_is_answered() -> None:
    box = frontier(robots=True)
    add(box, "http://a.example/x", "http://a.example/y", "http://b.example/")
    first, second = take(box), take(box)
    assert {first.url, second.url} == {
        "http://a.example/robots.txt",
        "http://b.example/robots.txt",
    }
    assert first.entry is None
    assert isinstance(box.next(0.0), Wait)
    box.release(first, 0.0)
    box.set_rules("http://a.example", from_answer(404, b"", "crawler"), 0.0)
    assert take(box).url == "http://a.example/x"


def test_what_robots_txt_disallows_is_closed_without_a_request() -> None:
    box = frontier(robots=True, policy=HostPolicy(1, 5.0))
    add(box, "http://a.example/private", "http://a.example/open")
    ticket = take(box)
    box.release(ticket, 0.0)
    rules = from_answer(200, b"User-agent: *\nDisallow: /private", "crawler")
    box.set_rules("http://a.example", rules, 0.0)
    turn = box.next(10.0)
    assert isinstance(turn, Disallowed)
    assert isinstance(turn.why, SkipError)
    assert turn.why.reason is SkipReason.ROBOTS
    # It cost the host neither its place nor its delay.
    assert take(box, 10.0).url == "http://a.example/open"


def test_a_retry_of_robots_txt_goes_although_its_host_is_closed() -> None:
    box = frontier(robots=True)
    add(box, "http://a.example/")
    ticket = take(box)
    box.release(ticket, 0.0)
    box.retry(ticket, 3.0)
    turn = box.next(1.0)
    assert isinstance(turn, Wait)
    assert turn.until == 3.0
    again = take(box, 3.0)
    assert (again.robots_of, again.attempt) == ("http://a.example", 2)


def test_a_crawl_delay_slows_its_host_alone() -> None:
    box = frontier(robots=True)
    add(box, "http://a.example/1", "http://a.example/2")
    box.release(take(box), 0.0)
    rules = from_answer(200, b"User-agent: *\nCrawl-delay: 7", "c")
    box.set_rules("http://a.example", rules, 0.0)
    for asked in (7.0, 14.0):  # the first page too: robots.txt was a request like others
        turn = box.next(asked - 0.1)
        assert isinstance(turn, Wait)
        assert turn.until == asked
        ticket = take(box, asked)
        box.release(ticket, asked)


@pytest.mark.parametrize(
    ("status", "allowed"), [(200, True), (404, True), (403, True), (500, False), (503, False)]
)
def test_rfc_9309_status_of_robots_txt(status: int, allowed: bool) -> None:
    rules = from_answer(status, b"", "crawler")
    assert (rules.refusal("http://a.example/x") is None) is allowed


def test_a_host_whose_robots_txt_cannot_be_had_ends_its_entries_the_same_way() -> None:
    refusal = unreachable(FetchError(FailureKind.TLS, "expired")).refusal("https://a.example/x")
    assert isinstance(refusal, FetchError)
    assert refusal.kind is FailureKind.TLS
    assert "robots.txt" in refusal.message


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


def test_only_the_first_500_kib_of_robots_txt_count() -> None:
    body = b"User-agent: *\n" + b"#" * 512_000 + b"\nDisallow: /"
    assert from_answer(200, body, "crawler").refusal("http://a.example/") is None


def hop(location: str | None, *, depth: int = 0, hops: int = 0) -> str:
    entry = Entry(1, "http://a.example/x", depth, "http://a.example/")
    ticket = Ticket("http://a.example/x", "a.example", 0.0, entry, hops=hops)
    return redirect.target(ticket, location, make_scope("host"))


def test_a_redirect_is_joined_with_its_url() -> None:
    assert hop("../y#part") == "http://a.example/y"


@pytest.mark.parametrize("location", [None, "", "  "])
def test_a_redirect_to_nowhere_is_a_failure(location: str | None) -> None:
    with pytest.raises(FetchError) as caught:
        hop(location)
    assert caught.value.kind is FailureKind.REDIRECT


def test_input_may_be_redirected_anywhere_but_what_was_found_stays_in_scope() -> None:
    assert hop("http://b.example/") == "http://b.example/"
    with pytest.raises(SkipError) as caught:
        hop("http://b.example/", depth=1)
    assert caught.value.reason is SkipReason.SCOPE


def test_p23_rules_are_forgotten_but_not_while_a_request_waits_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ROBOTS_KEPT", 4)
    box = frontier(robots=True)
    slow = [f"http://slow{n}.example" for n in range(8)]
    add(box, *(f"{site}/" for site in slow))
    rules = from_answer(200, b"User-agent: *\nCrawl-delay: 60", "c")
    for _ in slow:
        ticket = take(box)
        assert ticket.robots_of is not None
        box.release(ticket, 0.0)
        box.set_rules(ticket.robots_of, rules, 0.0)
    for _ in slow:
        ticket = take(box, 60.0)
        assert ticket.robots_of is None
        box.release(ticket, 60.0)
    for n in range(20):
        box.set_rules(f"http://other{n}.example", rules, 60.0)
    assert box._robots is not None
    assert len(box._robots) == len(box._delays) == 4
