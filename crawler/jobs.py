"""A good answer → what a parse worker needs to know of it."""

import time
from datetime import UTC, datetime
from functools import lru_cache

from crawler.frontier.entry import Entry
from crawler.model import Response
from crawler.parsing.job import Job


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
        headers.get("content-encoding"),
        headers.get("x-robots-tag"),
        _timestamp(int(time.time())),
        round(response.timing.total * 1000, 3),
        entry.depth,
        entry.row,
    )


@lru_cache(maxsize=2)
def _timestamp(seconds: int) -> str:
    """ISO 8601, UTC; one text a second, not one a page."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
