"""What happens next to a request that has ended: one table from ticket and result. Pure.

Redirects, retries, Retry-After and robots.txt are decided here and nowhere else; the pipeline
carries the decision out.
"""

from collections.abc import Callable

import msgspec

from crawler.frontier import redirect
from crawler.frontier.retry import Retry, pause_of
from crawler.frontier.robots import Rules, from_answer, unreachable
from crawler.frontier.ticket import DocumentTicket, EntryTicket, RobotsTicket, Ticket
from crawler.model.content_coding import decode_body
from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.exchange import FetchResult, Response
from crawler.model.scope import Scope
from crawler.model.units import timestamp
from crawler.parsing.batch import Task
from crawler.parsing.job import Job

MOST_RESETS = 10
"""How often a request is sent again because a kept connection died; these are no attempts."""


class Parse(msgspec.Struct, frozen=True):
    """A good answer for an entry: parse it."""

    ticket: EntryTicket
    task: Task


class Hop(msgspec.Struct, frozen=True):
    """A redirect: request ``url`` next, after ``pause`` seconds if the answer asked for that."""

    ticket: Ticket
    url: str
    pause: float | None


class SendAgain(msgspec.Struct, frozen=True):
    """A kept connection died under the request: send it again at once."""

    ticket: Ticket


class RetryIn(msgspec.Struct, frozen=True):
    """The failure may pass: try again in ``wait`` seconds."""

    ticket: Ticket
    wait: float
    error: FetchError
    status: int | None


class SetRules(msgspec.Struct, frozen=True):
    """The robots.txt of ``site`` is known; ``failure`` says why where it could not be fetched."""

    site: str
    rules: Rules
    failure: str | None = None


class DeliverDocument(msgspec.Struct, frozen=True):
    """Give the result to the part of the program that asked for the document."""

    deliver: Callable[[FetchResult], None]
    result: FetchResult


class Close(msgspec.Struct, frozen=True):
    """The entry ends without a page, after ``attempts`` tries."""

    ticket: EntryTicket
    error: FetchError | SkipError
    attempts: int
    status: int | None = None


Decision = Parse | Hop | SendAgain | RetryIn | SetRules | DeliverDocument | Close


class Decider:
    """``scope`` bounds redirects, ``agent`` is our User-Agent for robots.txt; ``max_bytes`` bounds
    a robots.txt after content decoding.
    """

    def __init__(self, retry: Retry, scope: Scope, agent: str, max_bytes: int) -> None:
        self._retry = retry
        self._scope = scope
        self._agent = agent
        self._max_bytes = max_bytes

    def decide(self, ticket: Ticket, result: FetchResult, unix_time: float) -> Decision:
        """``result`` is how the request of ``ticket`` ended, ``unix_time`` when (seconds)."""
        if not isinstance(result, Response):
            return self._failed(ticket, result)
        status = result.status
        if status in redirect.STATUSES:
            return self._redirected(ticket, result, unix_time)
        if status >= 500 or (status >= 400 and not isinstance(ticket, RobotsTicket)):
            error = FetchError(FailureKind.STATUS, f"the server answered {status}")
            return self._failed(ticket, error, status)
        if isinstance(ticket, EntryTicket):
            return Parse(ticket, _task(ticket, result, unix_time))
        if isinstance(ticket, RobotsTicket):
            return self._robots(ticket, result)
        assert isinstance(ticket, DocumentTicket)
        return DeliverDocument(ticket.deliver, result)

    def refuse(self, ticket: Ticket, why: FetchError | SkipError) -> Decision:
        """robots.txt does not allow the request, so that it was not sent."""
        return _give_up(ticket, why, attempts=0)

    def _redirected(self, ticket: Ticket, response: Response, unix_time: float) -> Decision:
        try:
            url = redirect.target(ticket, redirect.location(response), self._scope)
        except (FetchError, SkipError) as error:
            return self._failed(ticket, error, response.status)
        return Hop(ticket, url, pause_of(response, unix_time))

    def _robots(self, ticket: RobotsTicket, response: Response) -> SetRules:
        coding = response.header_list("content-encoding")
        try:
            body = decode_body(response.body, coding, self._max_bytes)
        except FetchError as error:
            return SetRules(ticket.site, unreachable(error))
        return SetRules(ticket.site, from_answer(response.status, body, self._agent))

    def _failed(
        self, ticket: Ticket, error: FetchError | SkipError, status: int | None = None
    ) -> Decision:
        if isinstance(error, FetchError):
            if error.reused and ticket.resets < MOST_RESETS:
                return SendAgain(ticket)
            wait = self._retry.wait(error.kind, status, ticket.attempt)
            if wait is not None:
                return RetryIn(ticket, wait, error, status)
        if isinstance(ticket, RobotsTicket):
            return SetRules(ticket.site, self._no_rules(error, status), error.message)
        return _give_up(ticket, error, ticket.attempt, status)

    def _no_rules(self, error: FetchError | SkipError, status: int | None) -> Rules:
        """A status of 500 or more is an answer: it forbids everything (RFC 9309 §2.3.1.4)."""
        if status is not None and status >= 500:
            return from_answer(status, b"", self._agent)
        return unreachable(error)


def _task(ticket: EntryTicket, response: Response, unix_time: float) -> Task:
    entry, url = ticket.entry, ticket.url
    headers = dict(reversed(response.headers))  # the first of several counts
    job = Job(
        entry.id,
        entry.url,
        url,
        # The place to which an input URL was redirected is where its own crawl begins.
        entry.seed if entry.depth else url,
        response.status,
        headers.get("content-type"),
        response.header_list("content-encoding"),
        response.header_list("x-robots-tag"),
        timestamp(int(unix_time)),
        round(response.timing.total * 1000, 3),
        entry.depth,
        entry.row,
    )
    return Task(job, response.body)


def _give_up(
    ticket: Ticket, error: FetchError | SkipError, attempts: int, status: int | None = None
) -> Close | DeliverDocument:
    if isinstance(ticket, EntryTicket):
        return Close(ticket, error, attempts, status)
    assert isinstance(ticket, DocumentTicket)
    return DeliverDocument(ticket.deliver, error)
