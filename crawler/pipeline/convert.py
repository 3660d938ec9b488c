"""How a request ended → what the frontier, those who watch, and the parse stage are told of it."""

import time
from datetime import UTC, datetime
from functools import lru_cache

from crawler.frontier.entry import Entry
from crawler.frontier.retry import retry_after
from crawler.frontier.ticket import End, Ticket
from crawler.model.errors import FetchError, SkipError
from crawler.model.events import Fetched
from crawler.model.exchange import Response, Timing
from crawler.parsing.job import Job

FetchResult = Response | FetchError | SkipError


def fetched(ticket: Ticket, started: float, now: float, answer: Response | FetchError) -> Fetched:
    """For those who watch: a request that ``started`` then ended ``now`` (monotonic)."""
    queued = max(0.0, started - ticket.since)
    if isinstance(answer, Response):
        return Fetched(ticket.url, started, queued, answer.timing, answer.status, len(answer.body))
    timing = Timing(total=now - started)
    return Fetched(ticket.url, started, queued, timing, None, 0, answer.kind)


def end_of(answer: FetchResult, started: float) -> End:
    """For the frontier, which changes its pace by it."""
    if isinstance(answer, Response):
        return End(started, status=answer.status, pause=pause_of(answer))
    return End(started, kind=answer.kind if isinstance(answer, FetchError) else None)


def pause_of(response: Response) -> float | None:
    """Seconds that an answer asks us to wait."""
    asked = response.header("retry-after")
    return None if asked is None else retry_after(response.status, asked, time.time())


def job_for(entry: Entry, url: str, response: Response) -> Job:
    """``response`` is what ``url`` answered, to which ``entry`` led."""
    headers = dict(reversed(response.headers))  # the first of several counts
    return Job(
        entry.id,
        entry.url,
        url,
        # What an input URL was redirected to is where its own crawl begins.
        entry.seed if entry.depth else url,
        response.status,
        headers.get("content-type"),
        response.header_list("content-encoding"),
        response.header_list("x-robots-tag"),
        _timestamp(int(time.time())),
        round(response.timing.total * 1000, 3),
        entry.depth,
        entry.row,
    )


@lru_cache(maxsize=2)
def _timestamp(seconds: int) -> str:
    """ISO 8601, UTC; one text a second, not one a page."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
