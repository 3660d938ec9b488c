"""A ticket: one request that may be sent. There is one class for each purpose of a request."""

from collections.abc import Callable
from typing import ClassVar

import msgspec

from crawler.frontier.entry import Entry
from crawler.frontier.retry import pause_of
from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.exchange import FetchResult, Response


class Ticket(msgspec.Struct, frozen=True):
    """A request of ``url`` that may be sent to ``host`` (its authority).

    ``since`` is when it could first have been sent (monotonic seconds). ``attempt`` counts from 1.
    ``resets`` counts the kept connections that died under it, which are no attempts, and ``hops``
    the redirects, both from 0.
    """

    url: str
    host: str
    since: float
    attempt: int = 1
    resets: int = 0
    hops: int = 0

    is_urgent: ClassVar[bool] = False
    """Whether it may be sent although its host is closed, because it is what the host waits for."""


class EntryTicket(Ticket, frozen=True, kw_only=True):
    """A request for an entry: its first one, a hop of a redirect, or a retry."""

    entry: Entry


class RobotsTicket(Ticket, frozen=True, kw_only=True):
    """A request for the robots.txt of the origin ``site``."""

    site: str

    is_urgent: ClassVar[bool] = True


class DocumentTicket(Ticket, frozen=True, kw_only=True):
    """A request for a document that the input needs (a sitemap); ``deliver`` takes the result."""

    deliver: Callable[[FetchResult], None]


class RequestEnd(msgspec.Struct, frozen=True):
    """How a request ended: with a failure ``kind``, or with a ``status``.

    ``started`` is when it began (monotonic seconds), ``pause`` how many seconds the answer asks us
    to wait.
    """

    started: float = 0.0
    kind: FailureKind | None = None
    status: int | None = None
    pause: float | None = None

    @classmethod
    def of(cls, result: FetchResult, started: float, unix_time: float) -> "RequestEnd":
        if isinstance(result, Response):
            pause = pause_of(result, unix_time)
            return cls(started, status=result.status, pause=pause)
        return cls(started, kind=result.kind if isinstance(result, FetchError) else None)


class Disallowed(msgspec.Struct, frozen=True):
    """The turn of ``ticket`` came, but the robots.txt of its site does not allow it."""

    ticket: Ticket
    why: FetchError | SkipError
