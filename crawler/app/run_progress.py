"""Collects what readers outside of a crawl want to know while it runs."""

import time
from collections.abc import Callable

import msgspec

from crawler.metrics.meter import Meter, Snapshot
from crawler.metrics.progress import MAX_HOSTS, CrawlSession, Queues, RecentFailures, RunProgress
from crawler.metrics.resting import RestingHosts
from crawler.model.events import Event, Finished
from crawler.model.units import utc_now


class ProgressReader:
    """The progress of one crawl. The fetch thread folds its events, any thread may read."""

    def __init__(
        self,
        meter: Meter,
        session: CrawlSession,
        resting: RestingHosts,
        queues: Callable[[], Queues],
        is_complete: Callable[[], bool],
    ) -> None:
        """``is_complete``: no more entries can be added."""
        self._meter = meter
        self._session = session
        self._resting = resting
        self._queues = queues
        self._is_complete = is_complete
        self._failures = RecentFailures()

    def fold(self, event: Event) -> None:
        self._resting.fold(event)
        if isinstance(event, Finished) and event.failed:
            self._failures.add(event.failed, utc_now())

    def snapshot(self) -> Snapshot:
        found = self._meter.snapshot(time.monotonic(), complete=self._is_complete())
        resting = self._resting
        return msgspec.structs.replace(found, resting=resting.silent, silent=resting.last_silent)

    def read(self) -> RunProgress:
        hosts, resting = self._resting.now(MAX_HOSTS)
        return RunProgress.of(
            utc_now(),
            self._session,
            self.snapshot(),
            self._meter.figures(),
            self._queues(),
            resting,
            hosts,
            self._failures.newest(),
        )
