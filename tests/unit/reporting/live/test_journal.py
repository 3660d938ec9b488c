"""Which event is worth a line, at which level, and with which facts."""

import logging

import pytest

from crawler.model.errors import FailureKind, FetchError, SkipReason
from crawler.model.events import (
    CacheFailed,
    Committed,
    Counted,
    Event,
    Fetched,
    Finished,
    GaveUp,
    Held,
    LinksCut,
    Load,
    NetworkAway,
    Rested,
    Retried,
    Returned,
    RobotsFailed,
    Slowed,
)
from crawler.model.exchange import Timing
from crawler.model.pages import Failure, Skipped
from crawler.reporting.live import journal

URL = "http://a.example:81/x"
AT = {"url": URL, "host": "a.example:81"}
INFO, DEBUG, WARNING = logging.INFO, logging.DEBUG, logging.WARNING
FETCHED = Fetched(URL, 1.0, 0.0, Timing(total=0.25), 200, 1200)
REFUSED = Fetched(URL, 1.0, 0.0, Timing(total=0.25), None, 0, FailureKind.TIMEOUT)
FAILURE = Failure(URL, FailureKind.STATUS, "the server answered 500", 3, 500)
NO_URL = Failure("nonsense", FailureKind.URL, "no URL", 0)
SKIPPED = Skipped(URL, SkipReason.ROBOTS, "robots.txt disallows it")
SILENT = FetchError(FailureKind.CONNECT, "refused")

LINES: list[tuple[Event, int, str, str, dict[str, object]]] = [
    (
        FETCHED,
        DEBUG,
        "requests",
        f"{URL}: 200, 1.2 kB, 250 ms",
        {**AT, "status": 200, "bytes": 1200, "elapsed_ms": 250.0},
    ),
    (
        REFUSED,
        DEBUG,
        "requests",
        f"{URL}: timeout, 250 ms",
        {**AT, "error": "timeout", "bytes": 0, "elapsed_ms": 250.0},
    ),
    (
        Finished(failed=(FAILURE,)),
        INFO,
        "entries",
        f"{URL}: failed after 3 attempts: status: the server answered 500",
        {**AT, "error": "status", "status": 500, "attempts": 3},
    ),
    (
        Finished(failed=(NO_URL,)),
        INFO,
        "entries",
        "nonsense: failed: url: no URL",
        {"url": "nonsense", "error": "url", "attempts": 0},
    ),
    (
        Finished(skipped=(SKIPPED,)),
        DEBUG,
        "entries",
        f"{URL}: skipped: robots: robots.txt disallows it",
        {"url": URL, "reason": "robots"},
    ),
    (
        Retried(URL, FailureKind.RESET, "cut off", 1, 0.5),
        DEBUG,
        "requests",
        f"{URL}: attempt 1 failed: reset: cut off; next attempt in 500 ms",
        {**AT, "error": "reset", "attempt": 1, "wait": 0.5},
    ),
    (
        Rested("a.example", 1.0, 2.0, SILENT),
        INFO,
        "hosts",
        "a.example: does not answer, so its URLs wait; asked again in 2 s: refused",
        {"host": "a.example", "wait": 2.0, "error": "connect", "reason": "refused"},
    ),
    (
        Returned("a.example", 7.2),
        INFO,
        "hosts",
        "a.example: answers again after 7.2 s",
        {"host": "a.example", "seconds": 7.2},
    ),
    (
        GaveUp("a.example", 60.0, SILENT),
        INFO,
        "hosts",
        "a.example: given up after 60 s: refused",
        {"host": "a.example", "seconds": 60.0, "error": "connect", "reason": "refused"},
    ),
    (
        NetworkAway("a.example", 6000.0, SILENT),
        INFO,
        "hosts",
        "the network is away: no host has answered for 6000 s (a.example: refused); nothing has "
        "failed because of it: resume the run later",
        {"host": "a.example", "seconds": 6000.0, "error": "connect"},
    ),
    (
        Held("a.example", 120.0, 429),
        INFO,
        "hosts",
        "a.example: asked us to wait 2 min (Retry-After)",
        {"host": "a.example", "wait": 120.0, "status": 429},
    ),
    (
        Slowed("a.example", 2.0, FailureKind.STATUS, 503),
        INFO,
        "hosts",
        "a.example: one request every 2 s from now on (503)",
        {"host": "a.example", "wait": 2.0, "error": "status", "status": 503},
    ),
    (
        Slowed("a.example", 2.0, FailureKind.TIMEOUT),
        INFO,
        "hosts",
        "a.example: one request every 2 s from now on (timeout)",
        {"host": "a.example", "wait": 2.0, "error": "timeout"},
    ),
    (
        RobotsFailed("https://a.example", "connect: refused"),
        INFO,
        "hosts",
        "https://a.example: robots.txt is not available, so nothing is fetched: connect: refused",
        {"host": "a.example", "reason": "connect: refused"},
    ),
    (
        LinksCut(URL, 1500),
        INFO,
        "entries",
        f"{URL}: 1,500 links not used: a page may have 20,000 links and 2 MB of them",
        {**AT, "links": 1500},
    ),
    (
        CacheFailed("/c/results.db: disk is full"),
        WARNING,
        "run",
        "a parse worker does not use the cache from now on: /c/results.db: disk is full",
        {"reason": "/c/results.db: disk is full"},
    ),
    (
        Committed(1200, 0.02),
        DEBUG,
        "state",
        "committed 1,200 entries in 20 ms",
        {"entries": 1200, "seconds": 0.02},
    ),
]


@pytest.mark.parametrize(("event", "level", "logger", "message", "facts"), LINES)
def test_an_event_is_logged_at_its_level(
    caplog: pytest.LogCaptureFixture,
    event: Event,
    level: int,
    logger: str,
    message: str,
    facts: dict[str, object],
) -> None:
    caplog.set_level(level + 1, "crawler")
    journal.note(event)
    assert not caplog.records
    caplog.set_level(level, "crawler")
    journal.note(event)
    (record,) = caplog.records
    assert (record.levelno, record.name) == (level, f"crawler.{logger}")
    assert record.getMessage() == message
    assert record.__dict__["facts"] == facts


@pytest.mark.parametrize("event", [Finished(done=5), Counted(3), Load(1.0, 2, "starved")])
def test_counting_events_are_not_logged(caplog: pytest.LogCaptureFixture, event: Event) -> None:
    caplog.set_level(DEBUG, "crawler")
    journal.note(event)
    assert not caplog.records


def test_a_percent_sign_is_logged_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(INFO, "crawler")
    journal.note(RobotsFailed("http://a", "100%s %d"))
    assert caplog.records[0].getMessage().endswith(": 100%s %d")


@pytest.mark.parametrize(("level", "read"), [(DEBUG, True), (INFO, True), (INFO + 1, False)])
def test_a_failure_is_logged_at_info_and_below(
    caplog: pytest.LogCaptureFixture, level: int, read: bool
) -> None:
    caplog.set_level(level, "crawler")
    journal.note(RobotsFailed("http://a", "why"))
    assert bool(caplog.records) is read
