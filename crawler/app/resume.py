"""Restores counts, quotas and cookies on resume, and collects what the next session needs."""

from crawler.fetch.cookies import Jar
from crawler.frontier.entry import Counts
from crawler.frontier.quota import Quota
from crawler.frontier.state.store import Store
from crawler.metrics.meter import Meter
from crawler.metrics.report import Urls
from crawler.pipeline.checkpoint import CookieChanges, no_cookies
from crawler.settings import Settings
from crawler.sources import SourceReader

INPUT = "input"
"""Name of the fact whether the input was ``read`` to its end, is ``open``, or was ``cut``."""
CUT = "cut"


def quota(settings: Settings, store: Store) -> Quota:
    """Return the quota of each host, which includes the entries of earlier sessions."""
    if settings.max_per_host is None:
        return Quota(None)
    return Quota(settings.max_per_host, store.fetched())


def facts(source: SourceReader) -> dict[str, str]:
    """Return what a commit stores in addition to entries, for the next session and ``status``."""
    how_far = CUT if source.is_cut else "read" if source.exhausted else "open"
    return {INPUT: how_far}


def cookie_changes(jar: Jar | None) -> CookieChanges:
    """Return a function that returns what a commit stores of the cookies."""
    return no_cookies if jar is None else jar.changes


def restore_cookies(jar: Jar, store: Store) -> None:
    """Raises StateError if the cookies in the state cannot be read."""
    jar.load(f"[{','.join(store.cookies())}]".encode())


def restore_meter(meter: Meter, counts: Counts) -> None:
    """Add the counts of earlier sessions to the report."""
    meter.restore(Urls.of(counts), counts.bytes, counts.errors, counts.skips)
