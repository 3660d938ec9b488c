"""Which failures are worth another try, and after how long. Pure; the clock comes in."""

import random
import re
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime

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
"""Kinds of failure that may pass by themselves."""
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may."""
LONGEST_PAUSE = 300.0
"""Seconds that a Retry-After can make us wait, at most."""

_HOPELESS = frozenset({FailureKind.URL, FailureKind.PARSE})
_RULE = re.compile(r"([a-z_]+)(?::([1-5]\d\d))?=(\d{1,3})(?:,(\d{1,5}(?:\.\d{1,3})?))?", re.ASCII)
_SECONDS = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_MOST_TRIES = 100
_LONGEST_DATE = 40
"""Characters; the longest form of a date has 33 (RFC 9110 §5.6.7)."""


class Backoff(msgspec.Struct, frozen=True):
    """``tries`` more after the first, the first of them after ``first`` seconds.

    Each further wait is ``factor`` times as long, up to ``cap`` (but never below ``first``).
    """

    tries: int
    first: float = 0.5
    factor: float = 2.0
    cap: float = 60.0

    def wait(self, attempt: int) -> float | None:
        """Longest wait after try number ``attempt`` failed; None: give up."""
        if attempt > self.tries:
            return None
        return max(self.first, min(self.cap, self.first * self.factor ** (attempt - 1)))


def parse_backoff(text: str) -> tuple[str, Backoff]:
    """``KIND=TRIES[,SECONDS]`` → the kind and its back-off; ``status:503`` is a kind of its own.

    Raises UsageError.
    """
    found = _RULE.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not KIND=TRIES or KIND=TRIES,SECONDS, such as timeout=5,2")
    name, status, tries, seconds = found.groups()
    known = [kind.value for kind in FailureKind if kind not in _HOPELESS]
    if name not in known:
        raise UsageError(f"{text!r}: there is no kind {name!r} to try again: {', '.join(known)}")
    if status and name != FailureKind.STATUS:
        raise UsageError(f"{text!r}: a number goes with the kind status alone")
    if int(tries) > _MOST_TRIES:
        raise UsageError(f"{text!r}: {_MOST_TRIES} tries are the most")
    backoff = Backoff(int(tries)) if seconds is None else Backoff(int(tries), float(seconds))
    return f"{name}:{status}" if status else name, backoff


class Retry:
    """A back-off for each kind of failure that may pass."""

    def __init__(self, retries: int, rng: random.Random, changes: Iterable[str] = ()) -> None:
        """``retries`` more tries for what may pass by itself; ``changes`` as for parse_backoff.

        A change of ``status`` holds for the statuses that may pass. Raises UsageError.
        """
        usual = Backoff(retries)
        self._rng = rng
        self._kinds = dict.fromkeys((*PASSING, FailureKind.STATUS), usual) | dict(
            map(parse_backoff, changes)
        )

    def wait(self, kind: FailureKind, status: int | None, attempt: int) -> float | None:
        """Seconds to wait after try number ``attempt`` failed; None: give up.

        Half of it is drawn at random, so that what failed together does not come back together.
        """
        backoff = self._kinds.get(kind)
        if kind is FailureKind.STATUS:
            usual = backoff if status in PASSING_STATUS else None
            backoff = self._kinds.get(f"{kind}:{status}", usual)
        longest = None if backoff is None else backoff.wait(attempt)
        return None if longest is None else longest * self._rng.uniform(0.5, 1.0)


def pause_of(response: Response, now: float) -> float | None:
    """Seconds that ``response`` asks us to wait (Retry-After), or None; ``now`` in Unix time."""
    asked = response.header("retry-after")
    return None if asked is None else retry_after(response.status, asked, now)


def retry_after(status: int, value: str | None, now: float) -> float | None:
    """Seconds that an answer asks us to wait, from 0 to 300, or None; ``now`` in Unix time.

    With 429 (RFC 6585 §4) and 503 it is the host that waits, with a redirect the request that
    follows it (RFC 9110 §10.2.3). What is neither seconds nor a date counts as nothing.
    """
    if value is None or not (status in (429, 503) or 300 <= status < 400):
        return None
    value = value.strip()
    seconds = float(value) if _SECONDS.fullmatch(value) else _until(value, now)
    return None if seconds is None else min(max(0.0, seconds), LONGEST_PAUSE)


def _until(text: str, now: float) -> float | None:
    """Seconds from ``now`` to an HTTP-date in any of the three forms of RFC 9110 §5.6.7."""
    if len(text) > _LONGEST_DATE:
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # A date without a zone is in GMT, as all are.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
