"""Writes events to the log, for the operator of a long crawl.

Level ``warning`` has what the user asked for and does not get. Level ``info`` has what the operator
may want to react to: failures, and hosts that slow the crawl down. Level ``debug`` has everything
else, including each request.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from logging import DEBUG, INFO, WARNING

from crawler.metrics.report import Report
from crawler.model.errors import FailureKind
from crawler.model.events import (
    CacheFailed,
    Committed,
    Event,
    Fetched,
    Finished,
    GaveUp,
    Held,
    LinksCut,
    NetworkAway,
    Rested,
    Retried,
    Returned,
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
    """Log that a session begins in the run directory ``run``; ``settings`` has no secrets."""
    how = "run resumed" if resumed else "run started"
    _log(_run, INFO, f"{how} in {run}", run=run, resumed=resumed, settings=settings)


def put_back(entries: int, ends: Sequence[str]) -> None:
    """Log that ``entries`` that had these ``ends`` are pending again."""
    _log(_run, INFO, f"{count(entries, 'URL')} pending again", urls=entries, ends=list(ends))


def ended(report: Report) -> None:
    urls = report.urls
    counts = {name: getattr(urls, name) for name in ("done", "failed", "skipped", "pending")}
    text = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    _log(
        _run, INFO, f"ended after {seconds(report.wall_s)}: {text}", wall_s=report.wall_s, **counts
    )


def not_made(files: Sequence[str], run: str) -> None:
    """Log that the crawl was aborted before ``files`` were made of what is in ``run``."""
    message = f"not made: {', '.join(files)}; resume the run, or: crawler export {run} --out FILE"
    _log(_run, WARNING, message, files=list(files))


def broke(error: Exception) -> None:
    """Log that ``error`` ended a session. The caller gets the error as well."""
    _log(_run, INFO, f"stopped by an error: {error}", error=type(error).__name__)


def note(event: Event) -> None:
    """Log ``event`` if its level is enabled."""
    row = _WRITERS.get(type(event))  # events are many, and most are not logged
    if row is not None:
        log, level, write = row
        if log.isEnabledFor(level):
            write(event)


def _log(log: logging.Logger, level: int, message: str, **facts: object) -> None:
    known = {name: value for name, value in facts.items() if value is not None}
    log.log(level, "%s", message, extra={"facts": known})


def _fetched(event: Fetched) -> None:
    took = event.timing.total
    result = event.error if event.status is None else f"{event.status}, {size(event.bytes)}"
    _log(
        _requests,
        DEBUG,
        f"{event.url}: {result}, {seconds(took)}",
        url=event.url,
        host=authority(event.url),
        status=event.status,
        error=event.error,
        bytes=event.bytes,
        elapsed_ms=round(took * 1e3, 3),
    )


def _finished(event: Finished) -> None:
    for failure in event.failed:
        _failed(failure)
    if event.skipped and _entries.isEnabledFor(DEBUG):
        for skipped in event.skipped:
            _skipped(skipped)


def _failed(failure: Failure) -> None:
    tries = f" after {count(failure.attempts, 'attempt')}" if failure.attempts > 1 else ""
    _log(
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
    _log(
        _entries,
        DEBUG,
        f"{skipped.url}: skipped: {skipped.reason}: {skipped.message}",
        url=skipped.url,
        reason=skipped.reason,
    )


def _retried(event: Retried) -> None:
    _log(
        _requests,
        DEBUG,
        f"{event.url}: attempt {event.attempt} failed: {event.error}: {event.message}; "
        f"next attempt in {seconds(event.wait)}",
        url=event.url,
        host=authority(event.url),
        error=event.error,
        status=event.status,
        attempt=event.attempt,
        wait=event.wait,
    )


def _held(event: Held) -> None:
    _log(
        _hosts,
        INFO,
        f"{event.host}: asked us to wait {seconds(event.wait)} (Retry-After)",
        host=event.host,
        wait=event.wait,
        status=event.status,
    )


def _slowed(event: Slowed) -> None:
    why = event.status or event.error
    _log(
        _hosts,
        INFO,
        f"{event.host}: one request every {seconds(event.delay)} from now on ({why})",
        host=event.host,
        wait=event.delay,
        error=event.error,
        status=event.status,
    )


def _rested(event: Rested) -> None:
    if event.probes > 1:
        return
    _log(
        _hosts,
        INFO,
        f"{event.host}: does not answer, so its URLs wait; asked again in {seconds(event.wait)}: "
        f"{event.why}",
        host=event.host,
        wait=event.wait,
        error=event.why.kind,
        reason=event.why.message,
    )


def _returned(event: Returned) -> None:
    _log(
        _hosts,
        INFO,
        f"{event.host}: answers again after {seconds(event.seconds)}",
        host=event.host,
        seconds=event.seconds,
    )


def _gave_up(event: GaveUp) -> None:
    _log(
        _hosts,
        INFO,
        f"{event.host}: given up after {seconds(event.seconds)}: {event.why}",
        host=event.host,
        seconds=event.seconds,
        error=event.why.kind,
        status=event.status,
        reason=event.why.message,
    )


def _network_away(event: NetworkAway) -> None:
    _log(_hosts, INFO, event.says, host=event.host, seconds=event.seconds, error=event.why.kind)


def _robots_failed(event: RobotsFailed) -> None:
    text = "robots.txt is not available, so nothing is fetched"
    _log(
        _hosts,
        INFO,
        f"{event.site}: {text}: {event.message}",
        host=authority(f"{event.site}/"),
        reason=event.message,
    )


def _links_cut(event: LinksCut) -> None:
    text = "not used: a page may have 20,000 links and 2 MB of them"
    _log(
        _entries,
        INFO,
        f"{event.url}: {count(event.links, 'link')} {text}",
        url=event.url,
        host=authority(event.url),
        links=event.links,
    )


def _cache_failed(event: CacheFailed) -> None:
    text = "a parse worker does not use the cache from now on"
    _log(_run, WARNING, f"{text}: {event.message}", reason=event.message)


def _committed(event: Committed) -> None:
    _log(
        _state,
        DEBUG,
        f"committed {count(event.entries, 'entry', 'entries')} in {seconds(event.seconds)}",
        entries=event.entries,
        seconds=event.seconds,
    )


_WRITERS: dict[type, tuple[logging.Logger, int, Callable[..., None]]] = {
    Fetched: (_requests, DEBUG, _fetched),
    Finished: (_entries, INFO, _finished),
    Retried: (_requests, DEBUG, _retried),
    Held: (_hosts, INFO, _held),
    Slowed: (_hosts, INFO, _slowed),
    Rested: (_hosts, INFO, _rested),
    Returned: (_hosts, INFO, _returned),
    GaveUp: (_hosts, INFO, _gave_up),
    NetworkAway: (_hosts, INFO, _network_away),
    RobotsFailed: (_hosts, INFO, _robots_failed),
    LinksCut: (_entries, INFO, _links_cut),
    CacheFailed: (_run, WARNING, _cache_failed),
    Committed: (_state, DEBUG, _committed),
}
"""Kind of event → the log, the lowest level at which it writes the event, and what writes it."""
