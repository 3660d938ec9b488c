"""Invented sessions of shards, measured by a clock that is set by hand."""

from collections.abc import Iterable

import msgspec

from crawler.metrics.budget import Reading
from crawler.metrics.merge import DriverSession, ShardRun
from crawler.metrics.meter import Meter
from crawler.metrics.report import Report, Urls
from crawler.metrics.slices import SliceRecord, slice_record
from crawler.model.events import Event, Load

BEGAN = 1_700_000_000.0
"""When the first session of an invented run began (Unix time)."""
DRIVER = DriverSession(started=BEGAN, wall_s=60.0, startup_s=0.5, slots=2, shards=4)


class Clock:
    """The clocks of a fetch thread, set by hand."""

    def __init__(self) -> None:
        self.reading = Reading(100.0, 0.0, 0.0)

    def __call__(self) -> Reading:
        return self.reading

    def pass_time(self, wall: float, cpu: float = 0.0) -> float:
        """Returns the wall clock after ``wall`` seconds, of which ``cpu`` were computed."""
        before = self.reading
        self.reading = Reading(before.wall + wall, before.cpu + cpu, 0.0)
        return self.reading.wall


def session(
    events: Iterable[Event] = (),
    *,
    began: float = BEGAN,
    wall: float = 30.0,
    cpu: float = 6.0,
    in_flight: int = 4,
    concurrency: int = 4,
    startup: float = 0.25,
    **changes: object,
) -> SliceRecord:
    """A session of ``wall`` seconds with these events; ``changes`` are of its report."""
    clock = Clock()
    meter = Meter(concurrency, clock)
    meter.start()
    meter.fold(Load(clock.reading.wall, in_flight, "starved"))
    for event in events:
        meter.fold(event)
    clock.pass_time(wall, cpu)
    report = meter.finish(
        version="0", engine="curl", workers=1, startup_s=startup, rss_peak_mb=100.0
    )
    report = msgspec.structs.replace(report, **changes)
    return slice_record(report, meter, began, began + startup + wall)


def shard(*slices: SliceRecord, killed: int = 0, urls: Urls | None = None) -> ShardRun:
    """A shard with these sessions; its entries are those of the last one unless given."""
    last: Report | None = slices[-1].report if slices else None
    found = urls or (last.urls if last else Urls())
    return ShardRun(
        urls=found,
        bytes=last.bytes if last else 0,
        errors=last.errors if last else {},
        skips=last.skips if last else {},
        sessions=len(slices) + killed,
        slices=slices,
    )
