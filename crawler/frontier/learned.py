"""What a session learns that the next one must know: records, stored with each commit.

The fields of each record are a row of the state file. All times are in seconds.
"""

from collections.abc import Sequence

import msgspec

OVER = 0
"""As ``RetryRecord.attempt``: the entry is final, so nothing more is known about it."""


class HostRecord(msgspec.Struct, frozen=True, array_like=True):
    """A host.

    ``until`` is the Unix time before which it gets no request (Retry-After, or its delay at the end
    of a session), or 0. ``delay`` is what it needs between two requests (Crawl-delay), ``pace`` the
    delay of a slowed host, or 0. ``answered``: it has answered in the run; once stored, that stays.
    """

    host: str
    until: float
    delay: float
    pace: float
    answered: bool


class RobotsRecord(msgspec.Struct, frozen=True, array_like=True):
    """The robots.txt of the origin ``site``, which came at ``fetched`` (Unix time).

    ``text`` is for ``robots.from_text``, ``delay`` the Crawl-delay, or 0.
    """

    site: str
    fetched: float
    delay: float
    text: str


class RetryRecord(msgspec.Struct, frozen=True, array_like=True):
    """The entry ``id`` waits for this ``attempt`` until ``at`` (Unix time).

    ``unanswered`` is as in ``Ticket``.
    """

    id: int
    attempt: int
    unanswered: int
    at: float


class Learned(msgspec.Struct, frozen=True):
    """What changed since the last commit, or all that earlier sessions knew."""

    hosts: Sequence[HostRecord] = ()
    robots: Sequence[RobotsRecord] = ()
    retries: Sequence[RetryRecord] = ()


NOTHING = Learned()
