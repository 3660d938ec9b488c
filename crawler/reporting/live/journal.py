"""Events as log records: what an operator wants to see of a long crawl.

At ``info`` there is what somebody may want to act on, failures and hosts that slow us down; at
``debug`` everything else, each request included.
"""

import logging
from collections.abc import Mapping
from logging import DEBUG, INFO

from crawler.metrics.report import Report
from crawler.model.errors import FailureKind
from crawler.model.events import (
    Committed,
    Event,
    Fetched,
    Finished,
    Held,
    Retried,
    RobotsFailed,
    Slowed,
)
from crawler.model.pages import Failure, Skipped
from crawler.model.units import count, seconds, size
from crawler.model.urls import authority

_run = logging.getLogger("crawler.run")
_requests = logging.getLogger("crawler.requests")
_entries = logging.getLogger("crawler.entries")
_hosts = logging.getLogger("crawler.hosts")
_state = logging.getLogger("crawler.state")


def began(run: str, settings: Mapping[str, object], resumed: bool) -> None:
    """A session begins in the run directory ``run``; ``settings`` are fit to be shown."""
    how = "a run goes on" if resumed else "a run begins"
    _say(_run, INFO, f"{how} in {run}", run=run, resumed=resumed, settings=settings)


def ended(report: Report) -> None:
    urls = report.urls
    counts = {name: getattr(urls, name) for name in ("done", "failed", "skipped", "pending")}
    told = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    _say(
        _run, INFO, f"ended after {seconds(report.wall_s)}: {told}", wall_s=report.wall_s, **counts
    )


def broke(error: Exception) -> None:
    """A session could not go on. Its caller is told too, so this is for who reads the log only."""
    _say(_run, INFO, f"could not go on: {error}", error=type(error).__name__)


def note(event: Event) -> None:
    """Log ``event`` if it is worth a line at the level that is asked for."""
    if isinstance(event, Fetched):
        if _requests.isEnabledFor(DEBUG):
            _fetched(event)
    elif isinstance(event, Finished):
        _finished(event)
    elif isinstance(event, Retried):
        if _requests.isEnabledFor(DEBUG):
            _retried(event)
    elif isinstance(event, Held | Slowed | RobotsFailed):
        if _hosts.isEnabledFor(INFO):
            _about_host(event)
    elif isinstance(event, Committed) and _state.isEnabledFor(DEBUG):
        _committed(event)


def _say(log: logging.Logger, level: int, message: str, **facts: object) -> None:
    known = {name: value for name, value in facts.items() if value is not None}
    log.log(level, "%s", message, extra={"facts": known})


def _fetched(event: Fetched) -> None:
    took = event.timing.total
    what = event.error if event.status is None else f"{event.status}, {size(event.bytes)}"
    _say(
        _requests,
        DEBUG,
        f"{event.url}: {what}, {seconds(took)}",
        url=event.url,
        host=authority(event.url),
        status=event.status,
        error=event.error,
        bytes=event.bytes,
        elapsed_ms=round(took * 1e3, 3),
    )


def _finished(event: Finished) -> None:
    if event.failed and _entries.isEnabledFor(INFO):
        for failure in event.failed:
            _failed(failure)
    if event.skipped and _entries.isEnabledFor(DEBUG):
        for skipped in event.skipped:
            _skipped(skipped)


def _failed(failure: Failure) -> None:
    tries = f" after {count(failure.attempts, 'try', 'tries')}" if failure.attempts > 1 else ""
    _say(
        _entries,
        INFO,
        f"{failure.url}: failed{tries}: {failure.error}: {failure.message}",
        url=failure.url,
        host=None if failure.error is FailureKind.URL else authority(failure.url),
        error=failure.error,
        status=failure.status,
        attempts=failure.attempts,
    )


def _skipped(skipped: Skipped) -> None:
    _say(
        _entries,
        DEBUG,
        f"{skipped.url}: skipped: {skipped.reason}: {skipped.message}",
        url=skipped.url,
        reason=skipped.reason,
    )


def _retried(event: Retried) -> None:
    _say(
        _requests,
        DEBUG,
        f"{event.url}: try {event.attempt} failed: {event.error}: {event.message}; "
        f"the next in {seconds(event.wait)}",
        url=event.url,
        host=authority(event.url),
        error=event.error,
        status=event.status,
        attempt=event.attempt,
        wait=event.wait,
    )


def _about_host(event: Held | Slowed | RobotsFailed) -> None:
    if isinstance(event, Held):
        text = f"asked us to wait {seconds(event.wait)} (Retry-After)"
        _say(
            _hosts,
            INFO,
            f"{event.host}: {text}",
            host=event.host,
            wait=event.wait,
            status=event.status,
        )
    elif isinstance(event, Slowed):
        why = event.status or event.error
        _say(
            _hosts,
            INFO,
            f"{event.host}: one request every {seconds(event.delay)} from now on ({why})",
            host=event.host,
            wait=event.delay,
            error=event.error,
            status=event.status,
        )
    else:
        text = "robots.txt cannot be had, nothing is asked for"
        _say(
            _hosts,
            INFO,
            f"{event.site}: {text}: {event.message}",
            host=authority(f"{event.site}/"),
            reason=event.message,
        )


def _committed(event: Committed) -> None:
    _say(
        _state,
        DEBUG,
        f"committed {count(event.entries, 'entry', 'entries')} in {seconds(event.seconds)}",
        entries=event.entries,
        seconds=event.seconds,
    )
