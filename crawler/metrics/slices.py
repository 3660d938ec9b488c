"""The record of one session of a shard: what the report of the whole crawl is made of."""

from typing import Annotated

import msgspec
from msgspec import Meta

from crawler.metrics.histogram import BUCKETS
from crawler.metrics.limits import LimitFacts
from crawler.metrics.meter import Meter
from crawler.metrics.report import Report
from crawler.metrics.waits import WaitSums
from crawler.model.errors import StateError

Bucket = Annotated[int, Meta(ge=0, lt=BUCKETS)]
Number = Annotated[int, Meta(ge=0)]


class SliceRecord(msgspec.Struct, frozen=True):
    """A session that ended in order, from ``started`` to ``ended`` (Unix time).

    The entries in ``report`` are those of all sessions of the shard, its other figures are of this
    session. ``latency`` is the number of responses by bucket of a ``Histogram``. ``waits`` and
    ``limits`` are what the report was computed from.
    """

    started: float
    ended: float
    report: Report
    latency: dict[Bucket, Number]
    waits: WaitSums
    limits: LimitFacts

    @property
    def fetching_since(self) -> float:
        """When the first entry was there (Unix time): the start of the session's timeline."""
        return self.started + self.report.startup_s

    @property
    def responses(self) -> int:
        return sum(self.report.status.values())


def slice_record(report: Report, meter: Meter, started: float, ended: float) -> SliceRecord:
    """Return the record of a session; ``report`` was made by ``meter.finish``.

    ``started`` is the Unix time from which the report counts ``startup_s``.
    """
    return SliceRecord(started, ended, report, meter.latency_counts(), meter.waits, meter.limits)


def encode_slice(record: SliceRecord) -> bytes:
    """Return the text of a file in ``slices/``."""
    return msgspec.json.encode(record)


def decode_slice(text: bytes, name: str) -> SliceRecord:
    """Read a file in ``slices/``. Raises StateError, which calls it ``name``, if it is damaged."""
    try:
        return msgspec.json.decode(text, type=SliceRecord)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise StateError(f"{name}: not a file this version wrote ({error})") from None
