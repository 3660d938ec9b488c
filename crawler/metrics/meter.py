"""Computes the figures of a run from its events. All clocks are passed in."""

from collections import defaultdict, deque

import msgspec

from crawler.metrics.budget import Budget, ReadClocks, Reading
from crawler.metrics.connections import ConnectionCount
from crawler.metrics.histogram import Histogram
from crawler.metrics.limits import Handshakes, LimitFacts, limited_by
from crawler.metrics.report import CacheUse, Cpu, IoWait, Report, TimeBudget, Urls
from crawler.metrics.slots import Slots
from crawler.metrics.waits import Waits, WaitSums
from crawler.model.events import CacheFailed, Counted, Event, Fetched, Finished, Load

TICK_S = 0.25
"""While events arrive, the clocks are read at least this often."""
RATE_WINDOW_S = 5.0


class Snapshot(msgspec.Struct, frozen=True):
    """A run at one moment. ``rate`` is entries finished per second over about five seconds.

    ``elapsed`` is in seconds. ``total`` is None while it can still grow. ``bytes`` is the size of
    all pages done. ``resting`` hosts do not answer; ``silent`` is one of them.
    """

    elapsed: float
    done: int
    failed: int
    skipped: int
    pending: int
    total: int | None
    in_flight: int
    rate: float
    bytes: int
    resting: int = 0
    silent: str = ""

    @property
    def finished(self) -> int:
        return self.done + self.failed + self.skipped


class Figures(msgspec.Struct, frozen=True):
    """The figures of a run so far, as in its ``Report``; ``in_flight`` of ``slots`` are used.

    ``budget``, and the exposed part of ``io_wait``, are from the last reading of the clocks.
    """

    urls: Urls
    bytes: int
    status: dict[int, int]
    errors: dict[str, int]
    skips: dict[str, int]
    io_wait: IoWait
    budget: TimeBudget
    parse_cpu_s: float
    in_flight: int
    slots: int


class Meter:
    """The figures of one run.

    Only the fetch thread, whose time ``clocks`` measures, may call ``start``, ``fold`` and
    ``finish``. Any thread may call ``snapshot`` and ``figures`` at any time.
    """

    def __init__(
        self, concurrency: int, clocks: ReadClocks, *, includes_parsing: bool = False
    ) -> None:
        """``includes_parsing``: the CPU time of ``clocks`` includes that of the parse workers."""
        self._concurrency = concurrency
        self._includes_parsing = includes_parsing
        self._clocks = clocks
        self._before = self._done_before = 0
        self._begin(Reading(0.0, 0.0, 0.0))
        self._input = self._duplicates = self._discovered = self._filtered = 0
        self._done = self._failed = self._skipped = 0
        self._bytes = 0
        self._parse_cpu = 0.0
        self._cached = 0
        self._cache_trouble: str | None = None
        self._status: defaultdict[int, int] = defaultdict(int)
        self._errors: defaultdict[str, int] = defaultdict(int)
        self._skips: defaultdict[str, int] = defaultdict(int)
        self._latency = Histogram()
        self._waits = Waits()
        self._connections = ConnectionCount()
        self._limits: LimitFacts | None = None

    def restore(self, urls: Urls, size: int, errors: dict[str, int], skips: dict[str, int]) -> None:
        """Add the totals of earlier sessions: entries, ``size`` of all pages, failures, skips."""
        self._before = urls.finished
        self._done_before = urls.done
        self._input, self._duplicates = urls.input, urls.duplicates
        self._discovered, self._filtered = urls.discovered, urls.filtered
        self._done, self._failed, self._skipped = urls.done, urls.failed, urls.skipped
        self._bytes = size
        self._errors.update(errors)
        self._skips.update(skips)

    def start(self) -> float:
        """Start the time of the run; returns the wall clock (monotonic) in seconds."""
        self._begin(self._clocks())
        return self._budget.started

    @property
    def started(self) -> float:
        """Wall clock (monotonic) at the start of the run, in seconds."""
        return self._budget.started

    def _begin(self, reading: Reading) -> None:
        self._budget = Budget(reading, "starved")
        self._slots = Slots(self._concurrency, reading.wall)
        self._tick = reading.wall + TICK_S
        self._marks = deque(
            [(reading.wall, self._before)], maxlen=round(RATE_WINDOW_S / TICK_S) + 1
        )

    @property
    def cache_use(self) -> CacheUse:
        """What the cache of results was for this session."""
        return CacheUse(self._cached, self._cache_trouble)

    @property
    def waits(self) -> WaitSums:
        """The sums of this session."""
        return self._waits.sums()

    @property
    def limits(self) -> LimitFacts:
        """What the limit in the report was decided by; only after ``finish``."""
        assert self._limits is not None
        return self._limits

    def latency_counts(self) -> dict[int, int]:
        """Return the number of responses by the bucket of their latency, see ``Histogram``."""
        return self._latency.counts()

    def fold(self, event: Event) -> None:
        """Add an event of the pipeline."""
        if isinstance(event, Load):
            self._load(event)
        elif isinstance(event, Fetched):
            self._fetched(event)
        elif isinstance(event, Finished):
            self._finished(event)
        elif isinstance(event, Counted):
            self._count(event)
        elif isinstance(event, CacheFailed):
            self._cache_trouble = event.message

    def _load(self, event: Load) -> None:
        self._slots.close(
            event.now,
            event.in_flight,
            event.idle,
            parse_full=event.parse_full,
            memory_full=event.memory_full,
            silent=event.silent,
        )
        state = "waiting" if event.in_flight else event.idle
        if state != self._budget.state:
            self._budget.close(self._clocks(), state)
        self.tick(event.now)

    def tick(self, now: float) -> None:
        """Read the clocks if it is time, so that ``figures`` returns recent values.

        Call it from time to time: without events the run may be blocked.
        """
        if now >= self._tick:
            self._budget.close(self._clocks(), self._budget.state)
            self._tick = now + TICK_S
            self._marks.append((now, self._done + self._failed + self._skipped))

    def _fetched(self, event: Fetched) -> None:
        answered = event.status is not None
        self._waits.add(event.timing, answered=answered)
        if event.status is not None:
            self._status[event.status] += 1
            self._latency.add(event.timing.total)
            self._connections.add(event.url, event.timing)
        # While all slots are in use there is no Load event, so the clocks are read here too.
        self.tick(event.started + event.timing.total)

    def _finished(self, event: Finished) -> None:
        self._done += event.done
        self._bytes += event.body_bytes
        self._parse_cpu += event.parse_cpu
        self._cached += event.cached
        for failure in event.failed:
            self._failed += 1
            self._errors[failure.error.value] += 1
        for skip in event.skipped:
            self._skipped += 1
            self._skips[skip.reason.value] += 1

    def _count(self, event: Counted) -> None:
        self._input += event.input
        self._duplicates += event.duplicates
        self._discovered += event.discovered
        self._filtered += event.filtered

    def snapshot(self, now: float, *, complete: bool) -> Snapshot:
        """The run at monotonic time ``now``; ``complete``: no more entries can be added."""
        urls = self._urls()
        since, finished = self._marks[0]
        elapsed = now - since
        return Snapshot(
            elapsed=now - self._budget.started,
            done=urls.done,
            failed=urls.failed,
            skipped=urls.skipped,
            pending=urls.pending,
            total=urls.input + urls.discovered if complete else None,
            in_flight=self._slots.in_flight,
            rate=(urls.finished - finished) / elapsed if elapsed > 0 else 0.0,
            bytes=self._bytes,
        )

    def figures(self) -> Figures:
        budget = self._budget.parts()
        # Each copy is atomic under the GIL, so the fetch thread cannot change it halfway.
        return Figures(
            urls=self._urls(),
            bytes=self._bytes,
            status=self._status.copy(),
            errors=self._errors.copy(),
            skips=self._skips.copy(),
            io_wait=self.waits.io_wait(budget.waiting),
            budget=budget,
            parse_cpu_s=self._parse_cpu,
            in_flight=self._slots.in_flight,
            slots=self._concurrency,
        )

    def _urls(self) -> Urls:
        # Finished entries are read before added ones: another thread may see an entry as pending
        # for a moment too long, but never a negative number of pending entries.
        done, failed, skipped = self._done, self._failed, self._skipped
        added = self._input, self._discovered
        return Urls(
            input=added[0],
            duplicates=self._duplicates,
            discovered=added[1],
            filtered=self._filtered,
            done=done,
            failed=failed,
            skipped=skipped,
            pending=sum(added) - done - failed - skipped,
        )

    def finish(
        self,
        *,
        version: str,
        engine: str,
        workers: int,
        locked: bool = False,
        startup_s: float = 0.0,
        rss_peak_mb: float = 0.0,
        same_content: int = 0,
    ) -> Report:
        """End the run and return its report. ``workers`` is the number of parse workers.

        ``locked``: they are threads that take turns with the fetch thread. ``startup_s`` (seconds),
        ``rss_peak_mb`` (MB) and ``same_content`` go into the report unchanged. A baseline is
        measured after the run: add it with ``msgspec.structs.replace``.
        """
        self._budget.close(self._clocks(), self._budget.state)
        wall = self._budget.wall
        budget = self._budget.parts()
        slots = self._slots.end(self._budget.started + wall)
        cpu = self._cpu()
        urls = self._urls()
        finished = urls.finished - self._before
        connections, waits = self._connections.close(), self.waits
        self._limits = LimitFacts(
            self._concurrency,
            wall,
            finished,
            urls.done - self._done_before,
            workers,
            budget,
            slots,
            cpu,
            locked,
            self._slots.memory,
            Handshakes(connections, self._connections.tls, waits.handshake_s, waits.total_s),
        )
        return Report(
            version=version,
            engine=engine,
            concurrency=self._concurrency,
            startup_s=startup_s,
            wall_s=wall,
            pages_per_s=(urls.done - self._done_before) / wall if wall > 0 else 0.0,
            urls=urls,
            bytes=self._bytes,
            same_content=same_content,
            status={str(code): n for code, n in sorted(self._status.items())},
            errors=dict(sorted(self._errors.items())),
            skips=dict(sorted(self._skips.items())),
            latency_ms=self._latency.percentiles(),
            io_wait=waits.io_wait(budget.waiting),
            budget=budget,
            slots=slots,
            cpu=cpu,
            rss_peak_mb=rss_peak_mb,
            limited_by=limited_by(self._limits),
            connections=connections,
        )

    def _cpu(self) -> Cpu:
        counted_twice = self._parse_cpu if self._includes_parsing else 0.0
        return Cpu(max(0.0, self._budget.cpu - counted_twice), self._parse_cpu)
