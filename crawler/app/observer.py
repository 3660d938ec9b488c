"""Passes the events of a crawl to its meter, timeline, baseline sample and log."""

from collections.abc import Callable

from crawler.metrics.meter import Meter
from crawler.metrics.report import Report
from crawler.metrics.sampling import Sample
from crawler.metrics.timeline import Timeline
from crawler.model.events import Event, Fetched
from crawler.reporting.live import journal


class RunObserver:
    """Passes on every event; ``report`` is None until the crawl has ended."""

    def __init__(
        self,
        meter: Meter,
        timeline: Timeline,
        sample: Sample | None,
        make_report: Callable[[int], Report],
    ) -> None:
        """``make_report`` takes the number of pages with the same content as another page."""
        self._meter = meter
        self._timeline = timeline
        self._sample = sample
        self._make_report = make_report
        self.report: Report | None = None

    def started(self) -> None:
        self._timeline.start(self._meter.start())

    def event(self, event: Event) -> None:
        self._meter.fold(event)
        if isinstance(event, Fetched):
            self._timeline.add(event)
            if self._sample is not None:
                self._sample.add(event)
        journal.note(event)

    def ended(self, duplicate_pages: int) -> None:
        self.report = self._make_report(duplicate_pages)
