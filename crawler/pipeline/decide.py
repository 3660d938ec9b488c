"""Decides what happens after a request has ended, from its ticket and its result. Pure.

All decisions about redirects, retries and robots.txt are here, and the pause that a redirect asks
for; the pipeline carries them out. A 429 or 503 with Retry-After pauses the whole host: that is in
``frontier/frontier.py``, ``Frontier.release``.
"""

from collections.abc import Callable
from http import HTTPStatus

import msgspec

from crawler.fetch.addresses import Refuse, refuse_nothing
from crawler.frontier import redirect
from crawler.frontier.retry import Retry, pause_of
from crawler.frontier.robots import MAX_DECODED, MAX_UNPACKED, Rules, from_answer, unreachable
from crawler.frontier.ticket import (
    DocumentTicket,
    EntryTicket,
    ProbeTicket,
    RobotsTicket,
    Ticket,
)
from crawler.model.content_coding import Decoding
from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.exchange import FetchResult, Response
from crawler.model.scope import Scope
from crawler.model.units import timestamp
from crawler.parsing.batch import Task
from crawler.parsing.job import Job
from crawler.pipeline.no_page import why_no_page

LOST = frozenset({FailureKind.RESET, FailureKind.TRUNCATED})
"""How a request fails whose connection ended before the whole response."""


class Parse(msgspec.Struct, frozen=True):
    """The response is good and for an entry: parse it."""

    ticket: EntryTicket
    task: Task


class Hop(msgspec.Struct, frozen=True):
    """The response is a redirect: request ``url`` next, after ``pause`` seconds (None: at once)."""

    ticket: Ticket
    url: str
    pause: float | None


class SendAgain(msgspec.Struct, frozen=True):
    """A kept connection ended before the response: send the request again, on a new one.

    That does not count as an attempt, and is done once: a client should not repeat a repeated
    request by itself (RFC 9110, 9.2.2).
    """

    ticket: Ticket


class RetryIn(msgspec.Struct, frozen=True):
    """The failure may be temporary: try again in ``wait`` seconds."""

    ticket: Ticket
    wait: float
    error: FetchError
    status: int | None


class Unanswered(msgspec.Struct, frozen=True):
    """Nothing came from the host: the attempt counts only if the host answers something else."""

    ticket: Ticket
    error: FetchError


class Nothing(msgspec.Struct, frozen=True):
    """Nothing follows: it was a probe."""


class Decode(msgspec.Struct, frozen=True):
    """A robots.txt has to be decoded first; the result goes to ``Decider.rules``."""

    ticket: RobotsTicket
    status: int
    decoding: Decoding


class SetRules(msgspec.Struct, frozen=True):
    """The robots.txt of ``site`` is known; ``failure`` is why it could not be fetched, or None."""

    site: str
    rules: Rules
    failure: str | None = None


class DeliverDocument(msgspec.Struct, frozen=True):
    """Pass the result to the part of the program that needs the document."""

    deliver: Callable[[FetchResult], None]
    result: FetchResult


class Close(msgspec.Struct, frozen=True):
    """The entry ends without a page, after ``attempts`` tries."""

    ticket: EntryTicket
    error: FetchError | SkipError
    attempts: int
    status: int | None = None


Decision = (
    Parse
    | Hop
    | SendAgain
    | RetryIn
    | Unanswered
    | Nothing
    | Decode
    | SetRules
    | DeliverDocument
    | Close
)


class Decider:
    """All requests of a crawl are GETs, so that each may be repeated (RFC 9110, 9.2.2).

    ``scope`` limits redirects, and ``agent`` is the User-Agent that is sent, for robots.txt.
    ``refuse`` forbids redirects to private addresses.
    With ``is_patient`` an attempt to which nothing came is ``Unanswered``, if failures of this
    kind are retried at all.
    """

    def __init__(
        self,
        retry: Retry,
        scope: Scope,
        agent: str,
        refuse: Refuse = refuse_nothing,
        *,
        is_patient: bool = False,
    ) -> None:
        self._is_patient = is_patient
        self._retry = retry
        self._scope = scope
        self._agent = agent
        self._refuse = refuse

    def decide(self, ticket: Ticket, result: FetchResult, unix_time: float) -> Decision:
        """The request of ``ticket`` ended at ``unix_time`` with ``result``."""
        if not isinstance(result, Response):
            return self._failed(ticket, result)
        if isinstance(ticket, ProbeTicket):
            return Nothing()
        if result.status != HTTPStatus.OK:
            if redirect.is_redirect(result):
                return self._redirected(ticket, result, unix_time)
            error = why_no_page(result)
            if error is not None and not _means_no_rules(ticket, result.status):
                return self._failed(ticket, error, result.status)
        if isinstance(ticket, EntryTicket):
            return Parse(ticket, _task(ticket, result, unix_time))
        if isinstance(ticket, RobotsTicket):
            return self._robots(ticket, result)
        assert isinstance(ticket, DocumentTicket)
        return DeliverDocument(ticket.deliver, result)

    def refuse(
        self, ticket: Ticket, why: FetchError | SkipError, status: int | None = None
    ) -> Decision:
        """The request was not sent: robots.txt does not allow it, or its host was given up."""
        return self._give_up(ticket, why, ticket.sent, status)

    def count(self, ticket: Ticket, error: FetchError | SkipError) -> Decision:
        """The attempt of ``ticket`` counts, although it was not answered."""
        return self._count(ticket, error, None)

    def _redirected(self, ticket: Ticket, response: Response, unix_time: float) -> Decision:
        try:
            url = redirect.target(ticket, redirect.location(response), self._scope)
        except (FetchError, SkipError) as error:
            return self._failed(ticket, error, response.status)
        refusal = self._refuse(ticket.url, url)
        if refusal is None and isinstance(ticket, DocumentTicket):
            # The lines of a sitemap count as found where it was asked for.
            refusal = self._refuse(url, ticket.url)
        if refusal is not None:
            return self._failed(ticket, refusal, response.status)
        return Hop(ticket, url, pause_of(response, unix_time))

    def rules(self, ticket: RobotsTicket, status: int, body: bytes | FetchError) -> SetRules:
        """``body`` is the decoded robots.txt, or why it cannot be decoded."""
        if isinstance(body, FetchError):
            return SetRules(ticket.site, unreachable(body))
        return SetRules(ticket.site, from_answer(status, body, self._agent))

    def _robots(self, ticket: RobotsTicket, response: Response) -> Decode | SetRules:
        coding = response.header_list("content-encoding")
        if coding is None:
            return self.rules(ticket, response.status, response.body)
        decoding = Decoding(response.body, coding, MAX_UNPACKED, keep=MAX_DECODED)
        return Decode(ticket, response.status, decoding)

    def _failed(
        self, ticket: Ticket, error: FetchError | SkipError, status: int | None = None
    ) -> Decision:
        if isinstance(error, FetchError):
            if error.reused and not ticket.resets:
                return SendAgain(ticket)
            if self._is_patient and not error.answered and self._retry.covers(_retried_as(error)):
                return Unanswered(ticket, error)
        return self._count(ticket, error, status)

    def _count(self, ticket: Ticket, error: FetchError | SkipError, status: int | None) -> Decision:
        if isinstance(ticket, ProbeTicket):
            return Nothing()
        if isinstance(error, FetchError):
            # A request that is lost every time is not sent more often than other failed ones.
            tries = ticket.attempt + (ticket.resets if error.kind in LOST else 0)
            wait = self._retry.wait(_retried_as(error), status, tries)
            if wait is not None:
                return RetryIn(ticket, wait, error, status)
        return self._give_up(ticket, error, ticket.sent + 1, status)

    def _give_up(
        self,
        ticket: Ticket,
        error: FetchError | SkipError,
        attempts: int,
        status: int | None = None,
    ) -> Decision:
        match ticket:
            case EntryTicket():
                return Close(ticket, error, attempts, status)
            case RobotsTicket():
                return SetRules(ticket.site, self._no_rules(error, status), error.message)
            case DocumentTicket():
                return DeliverDocument(ticket.deliver, error)
        return Nothing()

    def _no_rules(self, error: FetchError | SkipError, status: int | None) -> Rules:
        """A status of 500 or more forbids everything (RFC 9309 §2.3.1.4)."""
        if status is not None and status >= 500:
            return from_answer(status, b"", self._agent)
        return unreachable(error)


def _task(ticket: EntryTicket, response: Response, unix_time: float) -> Task:
    entry, url = ticket.entry, ticket.url
    names = dict(response.headers)
    job = Job(
        entry.id,
        entry.url,
        url,
        # If an input URL was redirected, its crawl begins at the target.
        entry.seed if entry.depth else url,
        response.status,
        response.header_list("content-type") if "content-type" in names else None,
        response.header_list("content-encoding") if "content-encoding" in names else None,
        response.header_lines("x-robots-tag") if "x-robots-tag" in names else None,
        timestamp(int(unix_time)),
        round(response.timing.total * 1e6) / 1e3,
        entry.depth,
        entry.row,
        response.header("refresh") if "refresh" in names else None,
    )
    return Task(job, response.body)


def _means_no_rules(ticket: Ticket, status: int) -> bool:
    """Whether ``status`` says that there is no robots.txt (RFC 9309 §2.3.1.3)."""
    return isinstance(ticket, RobotsTicket) and 300 <= status < 500


def _retried_as(error: FetchError) -> FailureKind:
    """Return the kind by which ``error`` is retried: a TLS handshake that was cut is a reset."""
    is_cut = error.kind is FailureKind.TLS and not error.answered
    return FailureKind.RESET if is_cut else error.kind
