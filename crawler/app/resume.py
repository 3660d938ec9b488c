"""A run that goes on begins where the sessions before ended: outputs, counts, quotas, cookies."""

from collections.abc import Sequence

from crawler.fetch.cookies import Jar
from crawler.frontier.entry import Counts
from crawler.frontier.quota import Quota
from crawler.frontier.state.store import Store
from crawler.metrics.meter import Meter
from crawler.metrics.report import Urls
from crawler.settings import Settings
from crawler.sinks.base import Writer
from crawler.sources import SourceReader


def cut(writers: Sequence[Writer], offsets: Sequence[int]) -> None:
    """Take each output back to where the state says that it was. Raises StateError."""
    for number, writer in enumerate(writers):
        if writer.can_cut:
            # A run that was killed before its first commit has no offsets.
            writer.cut(offsets[number] if offsets else 0)


def quota(settings: Settings, store: Store) -> Quota:
    """Counting goes on where the sessions before ended."""
    if settings.max_per_host is None:
        return Quota(None)
    return Quota(settings.max_per_host, store.fetched())


def remembered(source: SourceReader, jar: Jar | None) -> dict[str, str]:
    """What a commit says besides the entries: for a session that goes on, and for who asks."""
    facts = {"input": "read" if source.exhausted else "open"}
    return facts if jar is None else {**facts, "cookies": jar.dump().decode()}


def restore_cookies(jar: Jar, store: Store) -> None:
    """A session outlives a resume. Raises StateError where the cookies kept are none."""
    kept = store.facts.get("cookies")
    if kept is not None:
        jar.load(kept.encode())


def restore(meter: Meter, counts: Counts) -> None:
    """Go on counting where the sessions before ended."""
    meter.restore(urls_of(counts), counts.bytes, counts.errors, counts.skips)


def urls_of(counts: Counts) -> Urls:
    """The accounts in the state as a report has them."""
    return Urls(**{name: getattr(counts, name) for name in Urls.__struct_fields__})
