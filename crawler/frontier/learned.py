"""What a session learns that the next one must know: records, stored with each commit.

The fields of each record are a row of the state file. All times are in seconds.
"""

from collections.abc import Sequence

import msgspec

from crawler.model.errors import FailureKind

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

    ``unanswered`` is as in ``Ticket``. ``is_sent``: this attempt was made without an answer;
    whether it counts will be known when its silent site answers or stays silent.
    """

    id: int
    attempt: int
    unanswered: int
    at: float
    is_sent: bool = False


class RestRecord(msgspec.Struct, frozen=True):
    """A site that has been at rest for ``rested``; ``url`` had no answer, but a failure.

    The next of its ``probes`` is due after ``wait``; the pause before it was ``pause``.
    """

    url: str
    rested: float
    wait: float
    pause: float
    probes: int
    kind: FailureKind
    message: str


class GivenUpRecord(msgspec.Struct, frozen=True):
    """A site that was given up after ``seconds``, with its failure; a busy one has a ``status``."""

    seconds: float
    kind: FailureKind
    message: str
    status: int | None


class Silence(msgspec.Struct, frozen=True):
    """The silent sites at the end of a session, by origin. It is only valid for a few minutes.

    ``answered`` and ``silent_for`` are the times since any site has answered, and since the first
    one of ``silent`` sites became silent after that (None: never). ``busy`` is for how long sites
    have answered only 429 and 503.
    """

    answered: float | None
    silent_for: float | None
    silent: int
    resting: dict[str, RestRecord]
    given_up: dict[str, GivenUpRecord]
    busy: dict[str, float]


class Learned(msgspec.Struct, frozen=True):
    """What changed since the last commit, or all that earlier sessions knew.

    ``silence`` is known at the end of a session.
    """

    hosts: Sequence[HostRecord] = ()
    robots: Sequence[RobotsRecord] = ()
    retries: Sequence[RetryRecord] = ()
    silence: Silence | None = None


NOTHING = Learned()
