"""Restores counts, quotas and cookies on resume, and says what the next session will need."""

from crawler.fetch.cookies import Jar
from crawler.frontier.entry import Counts
from crawler.frontier.quota import Quota
from crawler.frontier.state.store import Store
from crawler.metrics.meter import Meter
from crawler.metrics.report import Urls
from crawler.settings import Settings
from crawler.sources import SourceReader


def quota(settings: Settings, store: Store) -> Quota:
    """It counts the entries of earlier sessions too."""
    if settings.max_per_host is None:
        return Quota(None)
    return Quota(settings.max_per_host, store.fetched())


def facts(source: SourceReader, jar: Jar | None) -> dict[str, str]:
    """What a commit keeps besides the entries: for the next session, and for ``status``."""
    known = {"input": "read" if source.exhausted else "open"}
    return known if jar is None else {**known, "cookies": jar.dump().decode()}


def restore_cookies(jar: Jar, store: Store) -> None:
    """Raises StateError where the cookies in the state cannot be read."""
    kept = store.facts.get("cookies")
    if kept is not None:
        jar.load(kept.encode())


def restore_meter(meter: Meter, counts: Counts) -> None:
    """The report counts what earlier sessions did, too."""
    meter.restore(Urls.of(counts), counts.bytes, counts.errors, counts.skips)
