"""What is tried again, how often and after how long; and what a Retry-After asks for."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.retry import LONGEST_PAUSE, Backoff, Retry, parse_backoff, retry_after
from crawler.model.errors import FailureKind, UsageError

NOW = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp()


def retry(*changes: str, retries: int = 2) -> Retry:
    return Retry(retries, random.Random(1), changes)


def tries(rules: Retry, kind: FailureKind, status: int | None = None) -> int:
    """How often it is tried again."""
    attempt = 1
    while rules.wait(kind, status, attempt) is not None:
        attempt += 1
    return attempt - 1


@pytest.mark.parametrize("kind", ["dns", "connect", "reset", "timeout", "truncated"])
def test_temporary_failures_are_retried(kind: str) -> None:
    assert tries(retry(retries=3), FailureKind(kind)) == 3
    assert tries(retry(retries=0), FailureKind(kind)) == 0


@pytest.mark.parametrize("kind", ["tls", "protocol", "too_large", "redirect", "decode", "internal"])
def test_permanent_failures_are_not_retried(kind: str) -> None:
    assert tries(retry(), FailureKind(kind)) == 0


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_temporary_statuses_are_retried(status: int) -> None:
    assert tries(retry(), FailureKind.STATUS, status) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501, 505])
def test_permanent_statuses_are_not_retried(status: int) -> None:
    assert tries(retry("status=5"), FailureKind.STATUS, status) == 0


def test_retries_can_be_set_for_one_kind() -> None:
    rules = retry("timeout=5", "tls=1", "dns=0")
    assert [
        tries(rules, kind)
        for kind in (FailureKind.TIMEOUT, FailureKind.TLS, FailureKind.DNS, FailureKind.RESET)
    ] == [*(5, 1, 0, 2)]


def test_retries_can_be_set_for_one_status() -> None:
    rules = retry("status:503=0", "status:404=1", "status=4")
    found = [tries(rules, FailureKind.STATUS, status) for status in (503, 404, 429, 410)]
    assert found == [0, 1, 4, 0]


def test_waits_double_up_to_a_minute_with_jitter() -> None:
    rules = retry("reset=10,2", retries=20)
    waits = [rules.wait(FailureKind.RESET, None, attempt) or 0.0 for attempt in range(1, 11)]
    longest = [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0, 60.0]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))
    assert len(set(waits[5:])) == 5
    assert Backoff(3, first=100.0).wait(2) == 100.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("timeout", "KIND=TRIES"),
        ("timeout=", "KIND=TRIES"),
        ("timeout=-1", "KIND=TRIES"),
        ("timeout=2,", "KIND=TRIES"),
        ("timeout=2,x", "KIND=TRIES"),
        ("timeout=٣", "KIND=TRIES"),
        ("timeout=101", "the maximum is 100 tries"),
        ("timeuot=2", "'timeuot' is not a kind .*timeout"),
        ("url=2", "'url' is not a kind"),
        ("parse=2", "'parse' is not a kind"),
        ("dns:503=2", "only the kind status"),
        ("status:999=2", "KIND=TRIES"),
    ],
)
def test_a_wrong_retry_rule_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_backoff(text)
    with pytest.raises(UsageError, match=says):
        retry(text)


@pytest.mark.promise("P22")
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("-5", 0.0),
        ("315360000", LONGEST_PAUSE),
        ("9" * 20, LONGEST_PAUSE),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Sun, 06 Nov 1994 08:40:00 GMT", 0.0),
        ("Sat, 06 Nov 2004 08:49:37 GMT", LONGEST_PAUSE),
        ("", None),
        ("soon", None),
        ("120, 60", None),
        ("1e3", None),
        ("nan", None),
        ("9" * 10_000, None),
        ("Sun, 06 Nov", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 999999999 08:49:37 GMT", None),
        ("\0", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(503, value, NOW) == seconds


@pytest.mark.promise("P22")
@pytest.mark.parametrize(
    ("status", "counts"),
    [(429, True), (503, True), (301, True), (307, True), (200, False), (404, False), (500, False)],
)
def test_retry_after_counts_for_some_statuses(status: int, counts: bool) -> None:
    assert (retry_after(status, "5", NOW) == 5.0) is counts


@pytest.mark.promise("P22")
@given(st.one_of(st.text(max_size=60), st.text("SunNov ,:-+0123456789GMT", max_size=40)))
def test_any_retry_after_is_within_bounds(value: str) -> None:
    seconds = retry_after(429, value, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE
