"""Invented sharded runs: sessions that were measured by a clock set by hand, and their files."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import msgspec

from crawler.frontier.entry import Candidate, Final
from crawler.frontier.state.store import Store
from crawler.metrics.budget import Reading
from crawler.metrics.merge import DriverSession, ShardRun
from crawler.metrics.meter import Meter
from crawler.metrics.report import Report, Urls
from crawler.metrics.slices import SliceRecord, slice_record
from crawler.model.events import Event, Load
from crawler.runs.layout import SHARDS, STATE
from crawler.runs.shards import InputSent, note_input

NOTHING: Mapping[str, object] = MappingProxyType({})
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


def make_run(directory: Path, sent: Mapping[int, int] | None = None) -> Path:
    """A sharded run without shards; ``sent`` by its input, which was read."""
    (directory / SHARDS).mkdir(parents=True)
    (directory / "settings.toml").write_text("concurrency = 4\n")
    if sent is not None:
        note_input(directory, InputSent(is_read=True, sent=dict(sent)))
    return directory


def make_shard(
    run: Path,
    number: int,
    news: Iterable[Candidate] = (),
    finals: Iterable[Final] = (),
    facts: Mapping[str, object] = NOTHING,
    offsets: Mapping[str, int] = MappingProxyType({}),
) -> Path:
    """A shard whose state has these entries; ``facts`` are stored as JSON, texts as they are."""
    directory = run / SHARDS / f"{number:04d}"
    directory.mkdir()
    store = Store.create(directory / STATE)
    found, ended = list(news), list(finals)
    if found:
        store.add(found, len(found))
    if ended:
        store.finish(ended, size=100 * len(ended))
    written = {"input": "read", "shards": 4, "sessions": 1, **facts}
    texts = {
        name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in written.items()
    }
    store.commit(offsets, texts)
    store.close()
    return directory


@contextmanager
def crawled(directory: Path) -> Iterator[None]:
    """Lock ``directory`` as the process that crawls it."""
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(file)
