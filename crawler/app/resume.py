"""Restores what earlier sessions knew on resume, and collects what the next session needs."""

import math
import time

from crawler.fetch.cookies import Jar
from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Candidate, Counts
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_memory import HostMemory, HostRecord
from crawler.frontier.patience import Patience
from crawler.frontier.quota import Quota
from crawler.frontier.state.store import Store
from crawler.frontier.state.store_thread import StoreThread
from crawler.metrics.meter import Meter
from crawler.metrics.report import Urls
from crawler.pipeline.checkpoint import CookieChanges, no_cookies
from crawler.pipeline.outbox import Outbox
from crawler.settings import Settings
from crawler.sources import SourceReader

INPUT = "input"
"""Name of the fact whether the input was ``read`` to its end, is ``open``, or was ``cut``."""
CUT = "cut"
READ = "read"
DEPTH = "depth"
"""Name of the fact that has the lowest depth of a pending entry, or nothing if there is none; only
where the pages are requested level by level.
"""
COMMITTED = "committed"
"""Name of the fact that has the Unix time of a commit."""


def host_memory(store: Store) -> HostMemory:
    """Return what earlier sessions knew about hosts.

    Also commits that a session begins: if it is killed before its first other commit, the next one
    knows that there were requests.
    """
    committed, now = store.facts.get(COMMITTED), time.time()
    if committed is None:
        memory = HostMemory(unix_time=now, now=time.monotonic())
    else:
        memory = HostMemory(store.hosts(), float(committed), now, time.monotonic())
    store.commit(store.offsets, {COMMITTED: repr(now)})
    return memory


def patience(seconds: float, memory: HostMemory, store: Store) -> Patience:
    """Return how long hosts are waited for, and which of them have answered before.

    ``seconds`` are those of ``patience_seconds``.
    """
    has_history = bool(memory.answered) or store.counts.done > 0
    return Patience(seconds or math.inf, memory.answered, has_history=has_history)


def changed_hosts(frontier: Frontier) -> list[HostRecord]:
    """Return the hosts of which the next session must know more than after the last call."""
    return frontier.changed_hosts(time.monotonic(), time.time())


def quota(settings: Settings, store: Store) -> Quota:
    """Return the quota of each host, which includes the entries of earlier sessions."""
    if settings.max_per_host is None:
        return Quota(None)
    return Quota(settings.max_per_host, store.fetched())


def facts(
    source: SourceReader[Candidate],
    store: StoreThread,
    outbox: Outbox | None,
    depth_order: DepthOrder | None,
) -> dict[str, str]:
    """Return what a commit stores in addition to entries, for the next session and ``status``.

    The input is only read to its end if the ``store`` has entered all of it.
    """
    is_read = source.exhausted and not store.is_entering
    how_far = CUT if source.is_cut else READ if is_read else "open"
    found = {INPUT: how_far, COMMITTED: repr(time.time())}
    if depth_order is not None:
        lowest = depth_order.lowest
        found[DEPTH] = "" if lowest is None else str(lowest)
    return {**found, **(outbox.facts() if outbox else {})}


def cookie_changes(jar: Jar | None) -> CookieChanges:
    """Return a function that returns what a commit stores of the cookies."""
    return no_cookies if jar is None else jar.changes


def restore_cookies(jar: Jar, store: Store) -> None:
    """Raises StateError if the cookies in the state cannot be read."""
    jar.load(f"[{','.join(store.cookies())}]".encode())


def restore_meter(meter: Meter, counts: Counts) -> None:
    """Add the counts of earlier sessions to the report."""
    meter.restore(Urls.of(counts), counts.bytes, counts.errors, counts.skips)
