"""The table from ticket and result to what happens next, without a loop, a socket or a file."""

import gzip
import random
import zlib
from functools import partial

import brotli
import msgspec
import pytest

from crawler.frontier.entry import Entry
from crawler.frontier.retry import Retry
from crawler.frontier.robots import MAX_DECODED, MAX_UNPACKED
from crawler.frontier.ticket import DocumentTicket, EntryTicket, RobotsTicket, Ticket
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason
from crawler.model.exchange import FetchResult, Response, Timing
from crawler.model.scope import make_scope
from crawler.pipeline.decide import (
    Close,
    Decider,
    Decision,
    Decode,
    DeliverDocument,
    Hop,
    Parse,
    RetryIn,
    SendAgain,
    SetRules,
)

NOW = 1_780_000_000.0
SITE = "http://a.example"
ENTRY = Entry(7, f"{SITE}/", "a.example", 0, f"{SITE}/", '{"line":2}')
LINK = Entry(8, f"{SITE}/x", "a.example", 1, f"{SITE}/")
delivered: list[FetchResult] = []
PAGE = EntryTicket(ENTRY.url, "a.example", 0.0, entry=ENTRY)
OF_LINK = EntryTicket(LINK.url, "a.example", 0.0, entry=LINK)
ROBOTS = RobotsTicket(f"{SITE}/robots.txt", "a.example", 0.0, site=SITE)
DOCUMENT = DocumentTicket(f"{SITE}/map.xml", "a.example", 0.0, deliver=delivered.append)
TICKETS = {"entry": PAGE, "robots": ROBOTS, "document": DOCUMENT}
DIED = FetchError(FailureKind.RESET, "closed", reused=True)


def answer(status: int = 200, body: bytes = b"", *headers: tuple[str, str]) -> Response:
    return Response(status, headers, body, Timing(total=0.25))


def decider(*changes: str, retries: int = 2) -> Decider:
    return Decider(Retry(retries, random.Random(1), changes), make_scope("host"), "crawler/1")


def decide(ticket: Ticket, result: FetchResult, *changes: str, retries: int = 2) -> Decision:
    return decider(*changes, retries=retries).decide(ticket, result, NOW)


def test_a_good_answer_of_an_entry_is_parsed() -> None:
    headers = (("content-type", "text/html"), ("content-type", "text/plain"), ("x-robots-tag", "a"))
    decision = decide(PAGE, answer(203, b"hello", *headers, ("x-robots-tag", "b")))
    assert isinstance(decision, Parse)
    job = decision.task.job
    assert (decision.ticket, decision.task.body) == (PAGE, b"hello")
    assert (job.id, job.url, job.status, job.row) == (7, ENTRY.url, 203, ENTRY.row)
    assert (job.content_type, job.robots) == ("text/html, text/plain", "a\nb")
    assert job.elapsed_ms == 250.0
    assert job.fetched_at == "2026-05-28T20:26:40Z"


@pytest.mark.parametrize(
    ("ticket", "seed"), [(PAGE, f"{SITE}/moved"), (OF_LINK, LINK.seed)], ids=["input", "link"]
)
def test_a_redirected_input_begins_its_crawl_there(ticket: EntryTicket, seed: str) -> None:
    moved = msgspec.structs.replace(ticket, url=f"{SITE}/moved", hops=1)
    decision = decide(moved, answer())
    assert isinstance(decision, Parse)
    job = decision.task.job
    assert (job.url, job.final_url, job.seed) == (ticket.entry.url, f"{SITE}/moved", seed)


def test_a_document_goes_to_whoever_asked_for_it() -> None:
    good, bad = answer(), answer(404)
    assert decide(DOCUMENT, good) == DeliverDocument(delivered.append, good)
    decision = decide(DOCUMENT, bad)
    assert isinstance(decision, DeliverDocument)
    assert isinstance(decision.result, FetchError)
    assert decision.result.kind is FailureKind.STATUS


# Redirects


@pytest.mark.promise("P06")
@pytest.mark.parametrize("name", TICKETS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_for_every_ticket(name: str, status: int) -> None:
    decision = decide(TICKETS[name], answer(status, b"", ("location", "/there")))
    assert decision == Hop(TICKETS[name], f"{SITE}/there", None)


@pytest.mark.promise("P22")
def test_a_redirect_may_ask_for_a_pause() -> None:
    decision = decide(PAGE, answer(301, b"", ("location", "/there"), ("retry-after", "9")))
    assert decision == Hop(PAGE, f"{SITE}/there", 9.0)


@pytest.mark.promise("P06")
def test_a_redirect_to_nowhere_closes_the_entry() -> None:
    decision = decide(PAGE, answer(301))
    assert isinstance(decision, Close)
    assert isinstance(decision.error, FetchError)
    assert (decision.error.kind, decision.attempts, decision.status) == ("redirect", 1, 301)


@pytest.mark.promise("P03")
def test_a_redirect_to_another_scheme_is_skipped() -> None:
    decision = decide(PAGE, answer(301, b"", ("location", "ftp://a.example/")))
    assert isinstance(decision, Close)
    assert isinstance(decision.error, SkipError)
    assert decision.error.reason is SkipReason.SCHEME


def test_only_links_must_stay_in_scope() -> None:
    elsewhere = answer(301, b"", ("location", "http://b.example/"))
    assert decide(PAGE, elsewhere) == Hop(PAGE, "http://b.example/", None)
    decision = decide(OF_LINK, elsewhere)
    assert isinstance(decision, Close)
    assert isinstance(decision.error, SkipError)
    assert decision.error.reason is SkipReason.SCOPE


# Statuses and retries


@pytest.mark.parametrize("status", [400, 404, 410, 451])
def test_a_final_status_closes_the_entry(status: int) -> None:
    decision = decide(PAGE, answer(status))
    assert isinstance(decision, Close)
    assert isinstance(decision.error, FetchError)
    assert decision.error.message == f"the server answered {status}"
    assert (decision.error.kind, decision.attempts, decision.status) == ("status", 1, status)


@pytest.mark.promise("P22")
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_status_is_retried_until_its_tries_are_used(status: int) -> None:
    decisions = [
        decide(msgspec.structs.replace(PAGE, attempt=attempt), answer(status))
        for attempt in (1, 2, 3)
    ]
    assert [type(each) for each in decisions] == [RetryIn, RetryIn, Close]
    first, second, last = decisions
    assert isinstance(first, RetryIn)
    assert isinstance(second, RetryIn)
    assert isinstance(last, Close)
    assert 0.25 <= first.wait <= 0.5 <= second.wait <= 1.0
    assert (first.status, last.attempts, last.status) == (status, 3, status)


@pytest.mark.promise("P19")
@pytest.mark.parametrize("name", TICKETS)
def test_a_passing_failure_is_retried_for_every_ticket(name: str) -> None:
    error = FetchError(FailureKind.TIMEOUT, "slow")
    decision = decide(TICKETS[name], error)
    assert isinstance(decision, RetryIn)
    assert (decision.ticket, decision.error, decision.status) == (TICKETS[name], error, None)


def test_a_lasting_failure_closes_the_entry() -> None:
    error = FetchError(FailureKind.TLS, "expired")
    assert decide(PAGE, error) == Close(PAGE, error, 1)
    assert isinstance(decide(PAGE, error, "tls=1"), RetryIn)


@pytest.mark.promise("P33")
def test_a_page_that_cannot_be_parsed_is_closed() -> None:
    error = FetchError(FailureKind.PARSE, "too long")
    assert decide(PAGE, error) == Close(PAGE, error, 1)


@pytest.mark.promise("P07")
def test_a_blocked_address_skips_the_entry() -> None:
    why = SkipError(SkipReason.BLOCKED, "private")
    assert decide(PAGE, why) == Close(PAGE, why, 1)


@pytest.mark.promise("P19")
def test_a_dead_connection_is_no_attempt() -> None:
    assert decide(PAGE, DIED, retries=0) == SendAgain(PAGE)
    again = msgspec.structs.replace(PAGE, resets=1)
    assert decide(again, DIED, retries=0) == Close(again, DIED, 1)


@pytest.mark.promise("P75")
@pytest.mark.parametrize("kind", [FailureKind.RESET, FailureKind.TRUNCATED])
@pytest.mark.parametrize("retries", range(4))
def test_a_request_that_is_always_lost_has_no_more_tries(kind: FailureKind, retries: int) -> None:
    lost, sent = FetchError(kind, "lost", reused=True), 1
    ticket = PAGE
    while not isinstance(decision := decide(ticket, lost, retries=retries), Close):
        is_repeat = isinstance(decision, SendAgain)
        ticket = msgspec.structs.replace(
            ticket, resets=ticket.resets + is_repeat, attempt=ticket.attempt + (not is_repeat)
        )
        sent += 1
    assert sent == 1 + max(retries, 1)


@pytest.mark.promise("P19")
def test_a_lost_request_keeps_its_tries_for_other_failures() -> None:
    again = msgspec.structs.replace(PAGE, resets=1, attempt=2)
    slow = FetchError(FailureKind.TIMEOUT, "slow")
    assert isinstance(decide(again, slow, retries=2), RetryIn)


# robots.txt


def refusal(decision: Decision, path: str) -> str | None:
    """Why the rules refuse a path; None where they allow it."""
    assert isinstance(decision, SetRules)
    assert decision.site == SITE
    found = decision.rules.refusal(f"{SITE}{path}")
    return None if found is None else found.message


@pytest.mark.promise("P24")
def test_robots_txt_sets_the_rules_of_its_site() -> None:
    decision = decide(ROBOTS, answer(200, b"User-agent: *\nDisallow: /private"))
    assert isinstance(decision, SetRules)
    assert decision.failure is None
    assert refusal(decision, "/private")
    assert refusal(decision, "/open") is None


@pytest.mark.promise("P24")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_no_robots_txt_allows_everything(status: int) -> None:
    assert refusal(decide(ROBOTS, answer(status)), "/x") is None


@pytest.mark.promise("P24")
def test_robots_txt_with_an_error_forbids_everything() -> None:
    decision = decide(ROBOTS, answer(500), retries=0)
    assert isinstance(decision, SetRules)
    assert decision.failure == "the server answered 500"
    assert "500" in (refusal(decision, "/x") or "")


@pytest.mark.promise("P24")
def test_an_unreachable_robots_txt_forbids_everything() -> None:
    decision = decide(ROBOTS, FetchError(FailureKind.CONNECT, "refused"), retries=0)
    assert isinstance(decision, SetRules)
    assert decision.failure == "refused"
    assert refusal(decision, "/x")


COMPRESS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=1),
}


@pytest.mark.promise("P90")
@pytest.mark.parametrize("coding", [None, "gzip", "deflate", "br", "gzip, gzip"])
def test_the_rest_of_a_long_robots_txt_is_dropped(coding: str | None) -> None:
    lines = b"".join(b"# %d\n" % number for number in range(100_000))
    body = b"User-agent: *\nDisallow: /private\n" + lines + b"Disallow: /open"
    for name in coding.split(", ") if coding else ():
        body = COMPRESS[name](body)
    headers = () if coding is None else (("content-encoding", coding),)
    decision = decide(ROBOTS, answer(200, body, *headers))
    if isinstance(decision, Decode):
        decoded = decision.decoding.run()
        assert decoded is not None
        assert len(decoded) == MAX_DECODED
        decision = decider().rules(ROBOTS, decision.status, decoded)
    assert refusal(decision, "/private")
    assert refusal(decision, "/open") is None


@pytest.mark.promise("P90")
def test_damage_after_what_is_kept_does_not_matter() -> None:
    body = gzip.compress(b"User-agent: *\nDisallow: /private\n" + b"#\n" * 500_000)[:-9]
    decision = decide(ROBOTS, answer(200, body, ("content-encoding", "gzip")))
    assert isinstance(decision, Decode)
    rules = decider().rules(ROBOTS, 200, decision.decoding.run() or b"")
    assert refusal(rules, "/private")
    assert refusal(rules, "/open") is None


@pytest.mark.promise("P11", "P24")
def test_a_bomb_as_robots_txt_forbids_everything() -> None:
    body = gzip.compress(b"User-agent: *\nAllow: /\n" + bytes(MAX_UNPACKED))
    decision = decide(ROBOTS, answer(200, body, ("content-encoding", "gzip")))
    assert isinstance(decision, Decode)
    with pytest.raises(FetchError) as caught:
        decision.decoding.run()
    assert caught.value.kind is FailureKind.TOO_LARGE
    assert refusal(decider().rules(ROBOTS, 200, caught.value), "/x")


@pytest.mark.promise("P24")
def test_a_damaged_robots_txt_forbids_everything() -> None:
    body = gzip.compress(b"User-agent: *\nAllow: /\n" * 1000)[:-9]
    decision = decide(ROBOTS, answer(200, body, ("content-encoding", "gzip")))
    assert isinstance(decision, Decode)
    with pytest.raises(FetchError) as caught:
        decision.decoding.run()
    assert refusal(decider().rules(ROBOTS, 200, caught.value), "/x")


def test_a_compressed_robots_txt_is_decoded_before_it_is_read() -> None:
    packed = gzip.compress(b"User-agent: *\nDisallow: /private")
    decision = decide(ROBOTS, answer(200, packed, ("content-encoding", "gzip")))
    assert isinstance(decision, Decode)
    rules = decider().rules(ROBOTS, decision.status, decision.decoding.run() or b"")
    assert refusal(rules, "/private")
    assert refusal(rules, "/public") is None


@pytest.mark.promise("P24")
def test_a_refused_ticket_costs_no_attempt() -> None:
    why = SkipError(SkipReason.ROBOTS, "disallowed")
    assert decider().refuse(PAGE, why) == Close(PAGE, why, 0)
    assert decider().refuse(DOCUMENT, why) == DeliverDocument(delivered.append, why)
