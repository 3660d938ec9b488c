"""A ticket: one request that may be sent. Each purpose of a request has its own class."""

from collections.abc import Callable
from typing import ClassVar

import msgspec

from crawler.frontier.entry import Entry
from crawler.frontier.retry import pause_of
from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.exchange import FetchResult, Response


class Ticket(msgspec.Struct, frozen=True):
    """A request of ``url`` that may be sent to ``host`` (its host name).

    ``since`` is when it became allowed (monotonic seconds). ``attempt`` counts from 1. ``resets``
    counts, from 0, the kept connections that ended before a response; these do not count as
    attempts, and from the first one on the request uses new connections. ``hops`` counts the
    redirects, from 0.
    """

    url: str
    host: str
    since: float
    attempt: int = 1
    resets: int = 0
    hops: int = 0

    is_urgent: ClassVar[bool] = False
    """Whether it may be sent while its host is closed, because the host waits for its result."""


class EntryTicket(Ticket, frozen=True, kw_only=True):
    """A request for an entry: the first one, a redirect hop or a retry."""

    entry: Entry


class RobotsTicket(Ticket, frozen=True, kw_only=True):
    """A request for the robots.txt of the origin ``site``."""

    site: str

    is_urgent: ClassVar[bool] = True


class DocumentTicket(Ticket, frozen=True, kw_only=True):
    """A request for a document of the input (a sitemap); ``deliver`` receives the result."""

    deliver: Callable[[FetchResult], None]


class RequestEnd(msgspec.Struct, frozen=True):
    """How a request ended: with a failure ``kind``, or with a ``status``.

    ``started`` is its start (monotonic seconds), ``pause`` the wait (seconds) that the response
    requests with Retry-After, or None.
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
    """``ticket`` was next, but the robots.txt of its site does not allow the request."""

    ticket: Ticket
    why: FetchError | SkipError
