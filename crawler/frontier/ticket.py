"""A ticket: one request that may be sent. Each purpose of a request has its own class."""

from collections.abc import Callable
from typing import ClassVar

import msgspec

from crawler.frontier.entry import Entry
from crawler.frontier.retry import pause_of
from crawler.frontier.robots import MAX_RECEIVED
from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.exchange import MAX_SITEMAP_BYTES, FetchResult, Response


class Ticket(msgspec.Struct, frozen=True):
    """A request of ``url`` that may be sent to ``host`` (its host name).

    ``since`` is when it became allowed (monotonic seconds). ``attempt`` counts from 1. ``resets``
    counts, from 0, the kept connections that ended before a response; these do not count as
    attempts, and from the first one on the request uses new connections. ``unanswered`` counts the
    requests while nothing came from the host; these do not count as attempts either. ``hops``
    counts the redirects, from 0. ``is_probe``: its site rests, and it finds out whether it answers
    again.
    """

    url: str
    host: str
    since: float
    attempt: int = 1
    resets: int = 0
    unanswered: int = 0
    hops: int = 0
    is_probe: bool = False

    is_urgent: ClassVar[bool] = False
    """Whether it may be sent while its host is closed, because the host waits for its result."""
    enough: ClassVar[int | None] = None
    """Number of bytes of the body that are needed; None: all."""

    @property
    def sent(self) -> int:
        """How often it was sent before, without resets."""
        return self.attempt - 1 + self.unanswered


class EntryTicket(Ticket, frozen=True, kw_only=True):
    """A request for an entry: the first one, a redirect hop or a retry."""

    entry: Entry

    @classmethod
    def of(cls, entry: Entry, since: float) -> "EntryTicket":
        """The first request for ``entry`` in this session, or in this shard."""
        after = entry.next
        if after is None:
            return cls(entry.url, entry.host, since, entry=entry)
        return cls(
            after.url,
            entry.host,
            since,
            after.attempt,
            unanswered=after.unanswered,
            hops=after.hops,
            entry=entry,
        )


class RobotsTicket(Ticket, frozen=True, kw_only=True):
    """A request for the robots.txt of the origin ``site``."""

    site: str

    is_urgent: ClassVar[bool] = True
    enough: ClassVar[int | None] = MAX_RECEIVED


class DocumentTicket(Ticket, frozen=True, kw_only=True):
    """A request for a document of the input (a sitemap); ``deliver`` receives the result."""

    deliver: Callable[[FetchResult], None]

    # One byte more than it may have shows that it is larger.
    enough: ClassVar[int | None] = MAX_SITEMAP_BYTES + 1


class ProbeTicket(Ticket, frozen=True, kw_only=True):
    """A request that only finds out whether a site answers; its response is not used."""


class RequestEnd(msgspec.Struct, frozen=True):
    """How a request ended: with a failure ``kind``, or with a ``status``.

    ``answered``: something came from the host, or a rule forbids to ask it.
    ``started`` is its start (monotonic seconds), ``pause`` the wait (seconds) that the response
    requests with Retry-After, or None.
    """

    started: float = 0.0
    kind: FailureKind | None = None
    status: int | None = None
    pause: float | None = None
    answered: bool = False

    @classmethod
    def of(cls, result: FetchResult, started: float, unix_time: float) -> "RequestEnd":
        if isinstance(result, Response):
            pause = pause_of(result, unix_time)
            return cls(started, status=result.status, pause=pause, answered=True)
        if isinstance(result, SkipError):
            return cls(started, answered=True)
        return cls(started, kind=result.kind, answered=result.answered)


class Disallowed(msgspec.Struct, frozen=True):
    """``ticket`` was next, but its robots.txt does not allow it, or its host was given up.

    A host that answers only one status was given up because of that ``status``.
    """

    ticket: Ticket
    why: FetchError | SkipError
    status: int | None = None
