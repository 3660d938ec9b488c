"""Restores what earlier sessions knew on resume, and collects what the next session needs."""

import math
import time
from typing import Any

import msgspec

from crawler.fetch.cookies import Jar
from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Candidate, Counts
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_memory import HostMemory
from crawler.frontier.learned import Learned
from crawler.frontier.patience import Patience
from crawler.frontier.quota import Quota
from crawler.frontier.state.store import Store
from crawler.frontier.state.store_thread import StoreThread
from crawler.metrics.meter import Meter
from crawler.metrics.report import Urls
from crawler.pipeline.checkpoint import CookieChanges, no_cookies
from crawler.pipeline.outbox import Outbox
from crawler.runs.shards import DEPTH
from crawler.settings import Settings
from crawler.sources import SourceReader

INPUT = "input"
"""Name of the fact whether the input was ``read`` to its end, is ``open``, or was ``cut``."""
CUT = "cut"
READ = "read"
OPEN = "open"
COMMITTED = "committed"
"""Name of the fact that has the Unix time of a commit."""
RECENT = 600.0
"""Seconds after the end of a session for which a resume continues to wait for silent sites; later
it asks them at once.
"""
DELAY = "delay"
"""Name of the fact that has the --delay of a commit."""


def host_memory(store: Store, settings: Settings) -> HostMemory:
    """Return what earlier sessions knew, above all about hosts.

    Also commits that a session begins: if it is killed before its first other commit, the next one
    knows that there were requests.
    """
    committed, now = store.facts.get(COMMITTED), time.time()
    memory = HostMemory(unix_time=now, now=time.monotonic())
    if committed is not None:
        memory = HostMemory(
            _recent(store, now, settings),
            float(committed),
            now,
            time.monotonic(),
            is_exact=store.ended is not None and store.facts.get(DELAY) == str(settings.delay),
        )
    store.commit(store.offsets, {COMMITTED: repr(now)})
    return memory


def _recent(store: Store, now: float, settings: Settings) -> Learned:
    """Return what earlier sessions knew; silent sites may answer again after some time.

    So they may if --again is given: then their failures are pending again.
    """
    learned, ended = store.learned(now), store.ended
    if ended is None or settings.again or not 0 <= now - ended <= RECENT:
        return msgspec.structs.replace(learned, silence=None)
    return learned


def patience(seconds: float, memory: HostMemory, store: Store) -> Patience:
    """Return how long hosts are waited for, and which of them have answered before.

    ``seconds`` are those of ``patience_seconds``.
    """
    has_history = bool(memory.answered) or store.counts.done > 0
    return Patience(
        seconds or math.inf,
        memory.answered,
        has_history=has_history,
        silence=memory.learned.silence if seconds else None,
        now=memory.now,
    )


def learned(frontier: Frontier, is_last: bool) -> Learned:
    """Return what the next session must know in addition to the last call."""
    return frontier.learned(time.monotonic(), time.time(), is_last=is_last)


def quota(settings: Settings, store: Store) -> Quota:
    """Return the quota of each host, which includes the entries of earlier sessions."""
    if settings.max_per_host is None:
        return Quota(None)
    return Quota(settings.max_per_host, store.fetched())


def facts(
    source: SourceReader[Candidate],
    store: StoreThread,
    settings: Settings,
    outbox: Outbox | None,
    depth_order: DepthOrder | None,
) -> dict[str, str]:
    """Return what a commit stores in addition to entries, for the next session and ``status``.

    The input is only read to its end if the ``store`` has entered all of it.
    """
    is_read = source.exhausted and not store.is_entering
    found = {
        INPUT: how_far(source, is_read=is_read),
        COMMITTED: repr(time.time()),
        DELAY: str(settings.delay),
    }
    if depth_order is not None:
        lowest = depth_order.lowest
        found[DEPTH] = "" if lowest is None else str(lowest)
    return {**found, **(outbox.facts() if outbox else {})}


def how_far(source: SourceReader[Any], *, is_read: bool) -> str:
    """Return the value of the fact ``INPUT``; ``is_read``: nothing of ``source`` is left to do."""
    return CUT if source.is_cut else READ if is_read else OPEN


def cookie_changes(jar: Jar | None) -> CookieChanges:
    """Return a function that returns what a commit stores of the cookies."""
    return no_cookies if jar is None else jar.changes


def restore_cookies(jar: Jar, store: Store) -> None:
    """Raises StateError if the cookies in the state cannot be read."""
    jar.load(f"[{','.join(store.cookies())}]".encode())


def restore_meter(meter: Meter, counts: Counts) -> None:
    """Add the counts of earlier sessions to the report."""
    meter.restore(Urls.of(counts), counts.bytes, counts.errors, counts.skips)
