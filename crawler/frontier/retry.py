"""Decides which failures are retried, and after what time. Pure: ``now`` is passed in."""

import random
import re
from collections.abc import Iterable
from datetime import UTC

import msgspec

from crawler.model.errors import FailureKind, UsageError
from crawler.model.exchange import Response

PASSING = frozenset(
    {
        FailureKind.DNS,
        FailureKind.CONNECT,
        FailureKind.RESET,
        FailureKind.TIMEOUT,
        FailureKind.TRUNCATED,
    }
)
"""Kinds of failure that may be temporary."""
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be temporary."""
LONGEST_PAUSE = 300.0
"""Maximum wait (seconds) for a Retry-After."""

_HOPELESS = frozenset({FailureKind.URL, FailureKind.PARSE})
_RULE = re.compile(r"([a-z_]+)(?::([1-5]\d\d))?=(\d{1,3})(?:,(\d{1,5}(?:\.\d{1,3})?))?", re.ASCII)
_SECONDS = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_MOST_TRIES = 100
_LONGEST_DATE = 40
"""Maximum number of characters; the longest form of a date has 33 (RFC 9110 §5.6.7)."""


class Backoff(msgspec.Struct, frozen=True):
    """``tries`` retries after the first attempt, the first one after ``first`` seconds.

    Each further wait is ``factor`` times as long, up to ``cap`` (but never below ``first``).
    """

    tries: int
    first: float = 0.5
    factor: float = 2.0
    cap: float = 60.0

    def wait(self, attempt: int) -> float | None:
        """Return the longest wait (seconds) after attempt number ``attempt`` failed.

        None means no further attempt.
        """
        if attempt > self.tries:
            return None
        return max(self.first, min(self.cap, self.first * self.factor ** (attempt - 1)))


def parse_backoff(text: str) -> tuple[str, Backoff]:
    """Parse ``KIND=TRIES[,SECONDS]`` to the kind and its back-off. Raises UsageError.

    The kind ``status`` may have a number, as in ``status:503``.
    """
    found = _RULE.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not KIND=TRIES or KIND=TRIES,SECONDS, such as timeout=5,2")
    name, status, tries, seconds = found.groups()
    known = [kind.value for kind in FailureKind if kind not in _HOPELESS]
    if name not in known:
        kinds = ", ".join(known)
        raise UsageError(f"{text!r}: {name!r} is not a kind that can be retried: {kinds}")
    if status and name != FailureKind.STATUS:
        raise UsageError(f"{text!r}: only the kind status can have a number")
    if int(tries) > _MOST_TRIES:
        raise UsageError(f"{text!r}: the maximum is {_MOST_TRIES} tries")
    backoff = Backoff(int(tries)) if seconds is None else Backoff(int(tries), float(seconds))
    return f"{name}:{status}" if status else name, backoff


class Retry:
    """A back-off for each kind of failure that is retried."""

    def __init__(self, retries: int, rng: random.Random, changes: Iterable[str] = ()) -> None:
        """``retries`` is the number of retries for failures that may be temporary.

        ``changes`` are texts for ``parse_backoff``; one for ``status`` applies to the statuses that
        may be temporary. Raises UsageError.
        """
        usual = Backoff(retries)
        self._rng = rng
        self._kinds = dict.fromkeys((*PASSING, FailureKind.STATUS), usual) | dict(
            map(parse_backoff, changes)
        )

    def covers(self, kind: FailureKind) -> bool:
        """Whether failures of ``kind`` are retried at all."""
        backoff = self._kinds.get(kind)
        return backoff is not None and backoff.tries > 0

    def wait(self, kind: FailureKind, status: int | None, attempt: int) -> float | None:
        """Return the seconds to wait after attempt number ``attempt`` failed.

        None means no further attempt. Half of the wait is random, so that requests that failed
        together are not repeated together.
        """
        backoff = self._kinds.get(kind)
        if kind is FailureKind.STATUS:
            usual = backoff if status in PASSING_STATUS else None
            backoff = self._kinds.get(f"{kind}:{status}", usual)
        longest = None if backoff is None else backoff.wait(attempt)
        return None if longest is None else longest * self._rng.uniform(0.5, 1.0)


def pause_of(response: Response, now: float) -> float | None:
    """Return the Retry-After of ``response`` in seconds, or None; ``now`` is Unix time."""
    if not _may_pause(response.status):
        return None
    return retry_after(response.status, response.header("retry-after"), now)


def retry_after(status: int, value: str | None, now: float) -> float | None:
    """Return the wait of a Retry-After, from 0 to 300 seconds, or None; ``now`` is Unix time.

    With 429 (RFC 6585 §4) and 503 all requests to the host wait; with a redirect, only the next
    hop (RFC 9110 §10.2.3). A value that is neither seconds nor a date is ignored.
    """
    if value is None or not _may_pause(status):
        return None
    value = value.strip()
    seconds = float(value) if _SECONDS.fullmatch(value) else _until(value, now)
    return None if seconds is None else min(max(0.0, seconds), LONGEST_PAUSE)


def _may_pause(status: int) -> bool:
    return 300 <= status < 400 or status in (429, 503)


def _until(text: str, now: float) -> float | None:
    """Return the seconds from ``now`` to an HTTP-date (any form of RFC 9110 §5.6.7), or None."""
    if len(text) > _LONGEST_DATE:
        return None
    from email.utils import parsedate_to_datetime  # 6 ms of every start, and few answers have one

    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # Every HTTP-date is in GMT, also one without a zone.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
