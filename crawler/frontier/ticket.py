"""A ticket: one request that may be sent, and how it ended."""

from collections.abc import Callable

import msgspec

from crawler.frontier.entry import Entry
from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.exchange import Response


class End(msgspec.Struct, frozen=True):
    """How a request that ``started`` then ended: with a failure ``kind``, or with a ``status``.

    ``pause`` is how many seconds the answer asks us to wait.
    """

    started: float = 0.0
    kind: FailureKind | None = None
    status: int | None = None
    pause: float | None = None


Tell = Callable[[Response | FetchError | SkipError], None]


class Ticket(msgspec.Struct, frozen=True):
    """A request that may go. ``robots_of`` is the origin whose robots.txt it asks for, or None.

    Without an entry somebody else wants to know how it ends, and is told by ``tell``.
    ``since`` is when it could first have gone (monotonic). ``attempt`` counts from 1; ``resets``,
    which are no attempts, and ``hops`` from 0.
    """

    url: str
    host: str
    since: float
    entry: Entry | None = None
    robots_of: str | None = None
    tell: Tell | None = None
    attempt: int = 1
    resets: int = 0
    hops: int = 0

    @property
    def is_urgent(self) -> bool:
        """Whether it goes although its host waits: for it is what the host waits for."""
        return self.robots_of is not None


class Disallowed(msgspec.Struct, frozen=True):
    """The ticket's turn came, and its site's robots.txt, or what became of it, forbids it."""

    ticket: Ticket
    why: FetchError | SkipError
