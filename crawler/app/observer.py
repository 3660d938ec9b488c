"""Passes the events of a crawl to its meter, timeline, baseline sample, progress and log."""

import time
from collections.abc import Callable

from crawler.app.run_progress import ProgressReader
from crawler.metrics.meter import Meter
from crawler.metrics.report import Report
from crawler.metrics.sampling import Sample
from crawler.metrics.timeline import Timeline
from crawler.model.events import Committed, Event, Fetched, Load
from crawler.reporting.live import journal
from crawler.reporting.live.progress_file import ProgressFile


class RunObserver:
    """Passes on every event; ``report`` is None until the crawl has ended."""

    def __init__(
        self,
        meter: Meter,
        timeline: Timeline,
        sample: Sample | None,
        progress: ProgressReader,
        progress_file: ProgressFile,
        make_report: Callable[[int], Report],
    ) -> None:
        """``make_report`` takes the number of pages with the same content as another page."""
        self._meter = meter
        self._timeline = timeline
        self._sample = sample
        self._progress = progress
        self._progress_file = progress_file
        self._make_report = make_report
        self.report: Report | None = None

    def started(self) -> None:
        now = self._meter.start()
        self._timeline.start(now)
        self._progress_file.replace(now)

    def event(self, event: Event) -> None:
        self._meter.fold(event)
        if isinstance(event, Fetched):
            self._timeline.add(event)
            if self._sample is not None:
                self._sample.add(event)
        elif not isinstance(event, Load):
            self._progress.fold(event)
            if isinstance(event, Committed):
                self._progress_file.replace(time.monotonic())
        journal.note(event)

    def tick(self, now: float) -> None:
        """Time has passed until ``now`` (monotonic), perhaps without an event."""
        self._meter.tick(now)
        self._progress_file.passed(now)

    def ended(self, duplicate_pages: int) -> None:
        self.report = self._make_report(duplicate_pages)

    def close(self) -> None:
        """Show the end of the crawl also to readers from outside."""
        self._progress_file.close()
