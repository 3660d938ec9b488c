"""Entries and requests told apart; robots.txt first."""

import random

import pytest

from crawler.errors import FetchError, Kind, Skip, SkipError
from crawler.frontier import redirect
from crawler.frontier.frontier import Disallowed, Entry, Frontier, Ticket
from crawler.frontier.retry import LONGEST_WAIT, Retry
from crawler.frontier.schedule import HostPolicy, Wait
from crawler.model import Counted, Link
from crawler.robots import from_answer, unreachable
from crawler.urls import key, make_scope

FREE = HostPolicy(0, 0.0)


def frontier(robots: bool = False, policy: HostPolicy = FREE) -> Frontier:
    return Frontier(lambda _: policy, robots=robots)


def take(box: Frontier, now: float = 0.0) -> Ticket:
    turn = box.next(now)
    assert isinstance(turn, Ticket)
    return turn


def test_spellings_of_a_url_are_one_entry() -> None:
    box = frontier()
    urls = ["http://a.example/%7ex", "http://a.example/~x", "http://a.example/y"]
    assert box.add_input(urls, 0.0) == Counted(input=2, duplicates=1)
    assert box.pending == 2


def test_a_link_that_is_known_is_not_discovered_again() -> None:
    box = frontier()
    box.add_input(["http://a.example/"], 0.0)
    links = [Link(url, key(url)) for url in ("http://a.example/", "http://a.example/new")]
    assert box.add_links(links, 1, "http://a.example/", 0.0) == Counted(discovered=1)
    assert [take(box).url, take(box).url] == ["http://a.example/", "http://a.example/new"]
    assert isinstance(box.next(0.0), Wait)


def test_robots_txt_is_the_first_request_of_a_host_and_the_only_one_until_it_is_answered() -> None:
    box = frontier(robots=True)
    box.add_input(["http://a.example/x", "http://a.example/y", "http://b.example/"], 0.0)
    first, second = take(box), take(box)
    assert {first.url, second.url} == {
        "http://a.example/robots.txt",
        "http://b.example/robots.txt",
    }
    assert first.entry is None
    assert isinstance(box.next(0.0), Wait)
    box.release(first, 0.0)
    box.set_rules("http://a.example", from_answer(404, b"", "crawler"))
    assert take(box).url == "http://a.example/x"


def test_what_robots_txt_disallows_is_closed_without_a_request() -> None:
    box = frontier(robots=True, policy=HostPolicy(1, 5.0))
    box.add_input(["http://a.example/private", "http://a.example/open"], 0.0)
    ticket = take(box)
    box.release(ticket, 0.0)
    rules = from_answer(200, b"User-agent: *\nDisallow: /private", "crawler")
    box.set_rules("http://a.example", rules)
    turn = box.next(10.0)
    assert isinstance(turn, Disallowed)
    assert isinstance(turn.why, SkipError)
    assert turn.why.reason is Skip.ROBOTS
    # It cost the host neither its place nor its delay.
    assert take(box, 10.0).url == "http://a.example/open"


def test_a_retry_of_robots_txt_goes_although_its_host_is_closed() -> None:
    box = frontier(robots=True)
    box.add_input(["http://a.example/"], 0.0)
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
    box.add_input(["http://a.example/1", "http://a.example/2"], 0.0)
    box.release(take(box), 0.0)
    box.set_rules("http://a.example", from_answer(200, b"User-agent: *\nCrawl-delay: 7", "c"))
    box.release(take(box, 1.0), 1.0)
    turn = box.next(2.0)
    assert isinstance(turn, Wait)
    assert turn.until == 8.0


@pytest.mark.parametrize(
    ("status", "allowed"), [(200, True), (404, True), (403, True), (500, False), (503, False)]
)
def test_rfc_9309_status_of_robots_txt(status: int, allowed: bool) -> None:
    rules = from_answer(status, b"", "crawler")
    assert (rules.refusal("http://a.example/x") is None) is allowed


def test_a_host_whose_robots_txt_cannot_be_had_ends_its_entries_the_same_way() -> None:
    refusal = unreachable(FetchError(Kind.TLS, "expired")).refusal("https://a.example/x")
    assert isinstance(refusal, FetchError)
    assert refusal.kind is Kind.TLS
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


def test_a_retry_waits_longer_each_time_within_bounds() -> None:
    retry = Retry(20, random.Random(1))
    for attempt in range(1, 21):
        wait = retry.wait(Kind.TIMEOUT, None, attempt)
        longest = min(LONGEST_WAIT, 0.5 * 2 ** (attempt - 1))
        assert wait is not None
        assert longest / 2 <= wait <= longest
    assert retry.wait(Kind.TIMEOUT, None, 21) is None


@pytest.mark.parametrize(
    ("kind", "status", "again"),
    [
        (Kind.RESET, None, True),
        (Kind.STATUS, 503, True),
        (Kind.STATUS, 429, True),
        (Kind.STATUS, 404, False),
        (Kind.TLS, None, False),
        (Kind.TOO_LARGE, None, False),
        (Kind.REDIRECT, 302, False),
    ],
)
def test_what_may_pass_is_tried_again(kind: Kind, status: int | None, again: bool) -> None:
    assert (Retry(2, random.Random(1)).wait(kind, status, 1) is not None) is again


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
    assert caught.value.kind is Kind.REDIRECT


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "data:text/html,x", "ftp://a.example/", "javascript:1"]
)
def test_p03_a_redirect_to_another_scheme_is_never_opened(location: str) -> None:
    with pytest.raises(SkipError) as caught:
        hop(location)
    assert caught.value.reason is Skip.SCHEME


def test_p06_redirects_are_bounded() -> None:
    with pytest.raises(FetchError, match="more than 10 redirects"):
        hop("/y", hops=10)


def test_input_may_be_redirected_anywhere_but_what_was_found_stays_in_scope() -> None:
    assert hop("http://b.example/") == "http://b.example/"
    with pytest.raises(SkipError) as caught:
        hop("http://b.example/", depth=1)
    assert caught.value.reason is Skip.SCOPE
