"""One report of the sessions of all shards. Pure."""

from collections.abc import Iterable, Sequence
from heapq import nlargest

import msgspec

from crawler.metrics.histogram import Histogram
from crawler.metrics.limits import MOST, Handshakes, LimitFacts, idle_workers, limited_by
from crawler.metrics.progress import MAX_HOSTS
from crawler.metrics.report import (
    CacheUse,
    Connections,
    Cpu,
    Limit,
    Report,
    ShardUse,
    SlotSeconds,
    TimeBudget,
    Urls,
)
from crawler.metrics.slices import SliceRecord
from crawler.metrics.sums import divided, plus
from crawler.metrics.waits import WaitSums
from crawler.model.resting import RestingHost
from crawler.model.version import __version__

_LONG = 10.0
"""Seconds of a crawl in which its workers can be busy, although it takes time to start them."""


class DriverSession(msgspec.Struct, frozen=True):
    """What only the driver knows: it ``started`` then (Unix time) and needed ``wall_s`` seconds.

    ``startup_s`` of them passed until it ordered the first slice. At most ``slots`` slices ran at
    once. ``done_before`` pages were done when it started.
    """

    started: float
    wall_s: float
    startup_s: float
    slots: int
    shards: int
    done_before: int = 0


class ShardRun(msgspec.Struct, frozen=True):
    """A shard at its last commit: its entries, and the size of its pages in bytes.

    ``sessions`` have begun, and ``slices`` are those that ended in order, the last one at the end.
    """

    urls: Urls
    bytes: int
    errors: dict[str, int]
    skips: dict[str, int]
    sessions: int
    slices: Sequence[SliceRecord]
    same_content: int = 0

    @property
    def killed(self) -> int:
        """The number of sessions that did not end in order."""
        return max(0, self.sessions - len(self.slices))


def merge(shards: Iterable[ShardRun], session: DriverSession, on_the_way: int = 0) -> Report:
    """Return the report of a sharded crawl that has ended. ``shards`` are read once, in turn.

    ``on_the_way`` is the number of records that were sent to a shard and not received there.
    """
    merger = _Merger(session)
    for shard in shards:
        merger.add(shard)
    return merger.report(on_the_way)


class _EntrySums(msgspec.Struct, frozen=True):
    """Added over shards."""

    urls: Urls = Urls()
    bytes: int = 0
    errors: dict[str, int] = {}
    skips: dict[str, int] = {}
    same_content: int = 0
    resting_hosts: int = 0
    sessions: int = 0
    killed: int = 0


class _Sums(msgspec.Struct, frozen=True):
    """Added over sessions. ``memory`` is in slot-seconds, see ``LimitFacts``."""

    wall_s: float = 0.0
    entries: int = 0
    done: int = 0
    status: dict[str, int] = {}
    waits: WaitSums = WaitSums()
    budget: TimeBudget = TimeBudget()
    slots: SlotSeconds = SlotSeconds()
    cpu: Cpu = Cpu()
    memory: float = 0.0
    connections: Connections = Connections()
    tls: int = 0
    lost_workers: int = 0
    cached: int = 0

    @classmethod
    def of(cls, record: SliceRecord) -> "_Sums":
        report, limits = record.report, record.limits
        return cls(
            wall_s=report.wall_s,
            entries=limits.entries,
            done=limits.done,
            status=report.status,
            waits=record.waits,
            budget=report.budget,
            slots=report.slots,
            cpu=report.cpu,
            memory=limits.memory,
            connections=report.connections,
            tls=limits.handshakes.tls,
            lost_workers=report.lost_workers,
            cached=report.cache.pages if report.cache else 0,
        )


class _Merger:
    """Adds up shards."""

    def __init__(self, session: DriverSession) -> None:
        self._session = session
        self._slots = max(1, session.slots)
        self._entries = _EntrySums()
        self._sums = _Sums()
        self._latency = Histogram()
        self._engines: set[str] = set()
        self._auto: str | None = None
        self._concurrency = 1
        self._workers = 0
        self._locked = False
        self._peaks: list[float] = []
        self._cache: CacheUse | None = None
        self._resting: list[RestingHost] = []
        self._busy = 0.0

    def add(self, shard: ShardRun) -> None:
        for each in shard.slices:
            self._add_slice(each)
        last = shard.slices[-1].report if shard.slices else None
        entries = _EntrySums(
            urls=shard.urls,
            bytes=shard.bytes,
            errors=shard.errors,
            skips=shard.skips,
            same_content=shard.same_content,
            resting_hosts=last.resting_hosts if last else 0,
            sessions=shard.sessions,
            killed=shard.killed,
        )
        self._entries = plus(self._entries, entries)
        if last is not None:
            self._resting += last.resting
            self._resting.sort(key=lambda host: host.since)
            del self._resting[MAX_HOSTS:]
            self._peaks.append(max(each.report.rss_peak_mb for each in shard.slices))

    def _add_slice(self, record: SliceRecord) -> None:
        report, limits = record.report, record.limits
        self._sums = plus(self._sums, _Sums.of(record))
        self._latency.merge(record.latency, report.latency_ms.max / 1e3)
        self._engines.add(report.engine)
        self._auto = report.auto or self._auto
        self._concurrency = max(self._concurrency, report.concurrency)
        self._workers = max(self._workers, limits.workers)
        self._locked |= limits.locked
        self._busy += max(0.0, record.ended - max(record.started, self._session.started))
        if report.cache is not None:
            trouble = self._cache.trouble if self._cache else None
            self._cache = CacheUse(trouble=trouble or report.cache.trouble)

    def report(self, on_the_way: int) -> Report:
        entries, sums, session = self._entries, self._sums, self._session
        done = entries.urls.done - session.done_before
        use = ShardUse(session.shards, entries.sessions, entries.killed, on_the_way)
        is_over = not entries.urls.pending
        return Report(
            version=__version__,
            engine=", ".join(sorted(self._engines)),
            concurrency=self._concurrency * self._slots,
            startup_s=session.startup_s,
            wall_s=session.wall_s,
            pages_per_s=done / session.wall_s if session.wall_s > 0 else 0.0,
            urls=entries.urls,
            bytes=entries.bytes,
            status=dict(sorted(sums.status.items())),
            errors=dict(sorted(entries.errors.items())),
            skips=dict(sorted(entries.skips.items())),
            latency_ms=self._latency.percentiles(),
            io_wait=sums.waits.io_wait(sums.budget.waiting),
            budget=sums.budget,
            slots=sums.slots,
            cpu=sums.cpu,
            rss_peak_mb=sum(nlargest(self._slots, self._peaks)),
            limited_by=self._limit(),
            same_content=entries.same_content,
            auto=self._auto,
            lost_workers=sums.lost_workers,
            resting_hosts=0 if is_over else entries.resting_hosts,
            resting=() if is_over else tuple(self._resting),
            connections=sums.connections,
            cache=self._cache and CacheUse(sums.cached, self._cache.trouble),
            shards=use,
        )

    def _limit(self) -> Limit:
        """The rules of one crawl judge the average of the fetch threads that ran at once.

        Before them comes what those rules cannot see: workers that had no shard to crawl. The time
        of a session that was killed is not known, so then it is not judged.
        """
        session, slots, facts = self._session, self._slots, self._facts()
        idle = 1 - self._busy / (slots * session.wall_s) if session.wall_s > 0 else 0.0
        is_known = not self._entries.killed and session.wall_s >= _LONG
        if is_known and facts.done and idle > MOST:
            return idle_workers(idle, slots)
        return limited_by(facts)

    def _facts(self) -> LimitFacts:
        sums, slots = self._sums, self._slots
        return LimitFacts(
            concurrency=self._concurrency * slots,
            wall_s=sums.wall_s / slots,
            entries=sums.entries,
            done=sums.done,
            workers=self._workers,
            budget=divided(sums.budget, slots),
            slots=sums.slots,
            cpu=divided(sums.cpu, slots),
            locked=self._locked,
            memory=sums.memory,
            handshakes=Handshakes(
                sums.connections, sums.tls, sums.waits.handshake_s, sums.waits.total_s
            ),
            sharded=True,
        )
