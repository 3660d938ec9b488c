"""Which complete answers are a page, which lead on, and which are failures."""

import random

import pytest

from crawler.frontier.entry import Entry
from crawler.frontier.redirect import is_redirect
from crawler.frontier.retry import Retry
from crawler.frontier.ticket import DocumentTicket, EntryTicket, RobotsTicket, Ticket
from crawler.model.errors import FetchError
from crawler.model.exchange import FetchResult, Response, Timing
from crawler.model.scope import make_scope
from crawler.pipeline.decide import (
    Close,
    Decider,
    Decision,
    DeliverDocument,
    Hop,
    Parse,
    RetryIn,
    SetRules,
)
from crawler.pipeline.no_page import why_no_page

SITE = "http://a.example"
delivered: list[FetchResult] = []
ENTRY = Entry(7, f"{SITE}/", "a.example", 0, f"{SITE}/")
PAGE = EntryTicket(f"{SITE}/", "a.example", 0.0, entry=ENTRY)
ROBOTS = RobotsTicket(f"{SITE}/robots.txt", "a.example", 0.0, site=SITE)
DOCUMENT = DocumentTicket(f"{SITE}/map.xml", "a.example", 0.0, deliver=delivered.append)
BODY = b"hello"


def answer(status: int, **headers: str) -> Response:
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, lines, BODY, Timing(total=0.25))


def partial(*ranges: str, content_type: str = "text/html") -> Response:
    lines = (("content-type", content_type), *(("content-range", each) for each in ranges))
    return Response(206, lines, BODY, Timing(total=0.25))


def decide(ticket: Ticket, response: Response, retries: int = 0) -> Decision:
    decider = Decider(Retry(retries, random.Random(1)), make_scope("host"), "crawler/1")
    return decider.decide(ticket, response, 0.0)


def kind(response: Response) -> str | None:
    error = why_no_page(response)
    return None if error is None else str(error.kind)


# Statuses. A client takes a status that it does not know for the first of its class (RFC 9110, 15).

STATUSES: dict[int, str | None] = {
    200: None,
    201: None,  # RFC 9110, 15.3.2: what was created; nothing was requested but the page
    202: None,  # 15.3.3
    203: None,  # 15.3.4: the page as a proxy has changed it
    204: None,  # 15.3.5: a page without content
    205: None,  # 15.3.6: the same, for a form
    207: None,  # RFC 4918, 11.1
    208: None,  # RFC 5842, 7.1
    226: "status",  # RFC 3229, 10.4.1: a change to a page, only for requests with A-IM
    250: None,  # as 200
    299: None,
    300: "status",  # RFC 9110, 15.4.1: a list of choices, none preferred
    304: "status",  # 15.4.5: the answer to a condition, and no request has one
    305: "status",  # 15.4.6: deprecated
    306: "status",  # 15.4.7: unused
    310: "status",  # as 300
    399: "status",
    400: "status",
    416: "status",  # 15.5.17: the answer to a range
    499: "status",
    500: "status",
    600: "status",  # 15: not a valid status, to be treated as 5xx
    999: "status",
}


@pytest.mark.promise("P89", "P98")
@pytest.mark.parametrize("status", STATUSES)
def test_statuses_that_are_no_page(status: int) -> None:
    expected = STATUSES[status]
    assert kind(answer(status)) == expected
    decision = decide(PAGE, answer(status))
    if expected is None:
        assert isinstance(decision, Parse)
    else:
        assert isinstance(decision, Close)
        assert isinstance(decision.error, FetchError)
        assert (decision.error.kind, decision.status) == (expected, status)
        assert decision.error.message.startswith(f"the server answered {status}")


# Redirects

LEADS_ON = {
    **dict.fromkeys((301, 302, 303, 307, 308), True),  # Fetch Standard, "redirect status"
    **dict.fromkeys((300, 309, 310, 399), True),  # RFC 9110, 15.4.1 and 15; curl, wget
    304: False,  # RFC 9110, 15.4.5: a Location there is metadata of the page
    305: False,  # 15.4.6: it would be a proxy, which no server may choose
    306: False,  # 15.4.7
    **dict.fromkeys((200, 201, 202, 204, 206, 404, 503), False),  # 10.2.2: not a redirect
}


@pytest.mark.promise("P98")
@pytest.mark.parametrize("status", LEADS_ON)
def test_a_location_leads_on_only_with_some_statuses(status: int) -> None:
    assert is_redirect(answer(status, location="/there")) == LEADS_ON[status]
    decision = decide(PAGE, answer(status, location="/there"))
    assert (decision == Hop(PAGE, f"{SITE}/there", None)) == LEADS_ON[status]


@pytest.mark.promise("P98")
@pytest.mark.parametrize("status", [300, 305, 310])
@pytest.mark.parametrize("headers", [{}, {"location": ""}, {"location": " \t"}])
def test_choices_without_a_location_are_a_failure(status: int, headers: dict[str, str]) -> None:
    decision = decide(PAGE, answer(status, **headers))
    assert isinstance(decision, Close)
    assert isinstance(decision.error, FetchError)
    assert (decision.error.kind, decision.status) == ("status", status)


# A part of a page: RFC 9110, 14.4 and 15.3.7. The body has five bytes.

RANGES: dict[str, tuple[Response, str | None]] = {
    "the whole": (partial("bytes 0-4/5"), None),
    "units in capitals": (partial("BYTES 0-4/5"), None),  # 14.1: case-insensitive
    "leading zeros": (partial("bytes 0-04/05"), None),
    "the same twice": (partial("bytes 0-4/5", "bytes 0-4/5"), None),
    "the beginning": (partial("bytes 0-4/6"), "truncated"),
    "the end": (partial("bytes 1-5/6"), "truncated"),
    "the whole, but the body is shorter": (partial("bytes 0-5/6"), "truncated"),
    "the whole, but the body is longer": (partial("bytes 0-3/4"), "truncated"),
    "the length is not known": (partial("bytes 0-4/*"), "truncated"),
    "not satisfied": (partial("bytes */5"), "truncated"),
    "two ranges": (partial("bytes 0-4/5", "bytes 0-4/6"), "truncated"),
    "a list": (partial("bytes 0-4/5, bytes 0-4/5"), "truncated"),
    "the end before the beginning": (partial("bytes 4-0/5"), "truncated"),
    "another unit": (partial("items 0-4/5"), "truncated"),
    "no unit": (partial("0-4/5"), "truncated"),
    "an equals sign": (partial("bytes=0-4/5"), "truncated"),
    "no length": (partial("bytes 0-4"), "truncated"),
    "signs": (partial("bytes 0-+4/+5"), "truncated"),
    "other digits": (partial("bytes 0-\u0664/\u0665"), "truncated"),
    "words": (partial("whole"), "truncated"),
    "empty": (partial(""), "truncated"),
    "missing": (partial(), "truncated"),
    "several parts": (partial(content_type="multipart/byteranges; boundary=x"), "truncated"),
    "several parts and a range": (
        partial("bytes 0-4/5", content_type="Multipart/ByteRanges; boundary=x"),
        "truncated",
    ),
}


@pytest.mark.promise("P89")
@pytest.mark.parametrize("name", RANGES)
def test_a_part_is_a_page_only_if_it_is_the_whole(name: str) -> None:
    response, expected = RANGES[name]
    assert kind(response) == expected


@pytest.mark.promise("P89")
def test_a_part_is_requested_again_and_a_304_is_not() -> None:
    assert isinstance(decide(PAGE, partial(), retries=1), RetryIn)
    assert isinstance(decide(PAGE, answer(304), retries=1), Close)


# robots.txt and sitemaps


@pytest.mark.promise("P89", "P98")
@pytest.mark.parametrize("status", [300, 304, 305, 399])
def test_a_robots_txt_that_is_none_allows_everything(status: int) -> None:
    """As an invalid redirect does: only an error of the server forbids (RFC 9309 §2.3.1)."""
    decision = decide(ROBOTS, answer(status))
    assert isinstance(decision, SetRules)
    assert decision.rules.refusal(f"{SITE}/x") is None


@pytest.mark.promise("P89")
def test_a_part_of_a_robots_txt_forbids_everything() -> None:
    decision = decide(ROBOTS, partial())
    assert isinstance(decision, SetRules)
    assert decision.rules.refusal(f"{SITE}/x") is not None
    decision = decide(ROBOTS, partial("bytes 0-4/5"))
    assert isinstance(decision, SetRules)
    assert decision.rules.refusal(f"{SITE}/x") is None


@pytest.mark.promise("P89", "P98")
@pytest.mark.parametrize("status", [206, 300, 304, 305])
def test_a_sitemap_that_is_none_is_a_failure(status: int) -> None:
    decision = decide(DOCUMENT, answer(status))
    assert isinstance(decision, DeliverDocument)
    assert isinstance(decision.result, FetchError)
