"""The record of a running crawl; ``progress.json`` has the same names, structure and order."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime

import msgspec

from crawler.metrics.meter import Figures, Snapshot
from crawler.metrics.report import IoWait, TimeBudget, Urls
from crawler.model.pages import Failure
from crawler.model.resting import RestingHost

MAX_BYTES = 64 << 10
"""Maximum size of ``progress.json``; what does not fit is left out, the last hosts first."""
MAX_HOSTS = 100
MAX_FAILURES = 20
_MAX_TEXT = 300
"""Maximum length of a URL or message, in characters."""


class CrawlSession(msgspec.Struct, frozen=True):
    """One session of a run: a process that crawls it. ``started`` is in UTC."""

    started: datetime
    resumed: bool
    process: int
    engine: str


class SlotUse(msgspec.Struct, frozen=True):
    """Requests in flight, and how many there may be at once."""

    used: int
    most: int


class Queues(msgspec.Struct, frozen=True):
    """What waits after fetching: pages for the parser, and records for the outputs, in bytes."""

    parse_pages: int = 0
    parse_bytes: int = 0
    output_bytes: int = 0


class RecentFailure(msgspec.Struct, frozen=True):
    """An entry that failed at ``time`` (UTC); long texts are cut."""

    time: datetime
    url: str
    error: str
    message: str
    attempts: int


class RunProgress(msgspec.Struct, frozen=True):
    """``progress.json``: a run at ``time`` (UTC); durations in seconds, sizes in bytes.

    ``elapsed_s``, ``status``, ``io_wait`` and ``budget`` are of this session, the other counts of
    the whole run. ``rate`` is URLs finished per second over about five seconds. ``total`` is the
    number of URLs, None while it can still grow. ``resting`` has at most 100 of the
    ``resting_hosts`` hosts that rest, ``failures`` the last 20 of this session, the newest first.
    """

    time: datetime
    session: CrawlSession
    elapsed_s: float
    urls: Urls
    total: int | None
    rate: float
    bytes: int
    status: dict[str, int]
    errors: dict[str, int]
    skips: dict[str, int]
    io_wait: IoWait
    budget: TimeBudget
    parse_cpu_s: float
    slots: SlotUse
    queues: Queues
    resting_hosts: int
    resting: tuple[RestingHost, ...]
    failures: tuple[RecentFailure, ...]

    @classmethod
    def of(
        cls,
        time: datetime,
        session: CrawlSession,
        snapshot: Snapshot,
        figures: Figures,
        queues: Queues,
        resting: Sequence[RestingHost],
        resting_hosts: int,
        failures: Sequence[RecentFailure],
    ) -> "RunProgress":
        return cls(
            time=time,
            session=session,
            elapsed_s=snapshot.elapsed,
            urls=figures.urls,
            total=snapshot.total,
            rate=snapshot.rate,
            bytes=figures.bytes,
            status={str(code): number for code, number in sorted(figures.status.items())},
            errors=figures.errors,
            skips=figures.skips,
            io_wait=figures.io_wait,
            budget=figures.budget,
            parse_cpu_s=figures.parse_cpu_s,
            slots=SlotUse(figures.in_flight, figures.slots),
            queues=queues,
            resting_hosts=resting_hosts,
            resting=tuple(map(_cut_host, resting[:MAX_HOSTS])),
            failures=tuple(failures),
        )


class RecentFailures:
    """The last failures, the newest first. One thread adds them, any thread may read."""

    def __init__(self) -> None:
        self._kept: deque[RecentFailure] = deque(maxlen=MAX_FAILURES)

    def add(self, failures: Sequence[Failure], now: datetime) -> None:
        """``now`` is in UTC."""
        for each in failures[-MAX_FAILURES:]:
            url, message = _cut(each.url), _cut(each.message)
            self._kept.append(RecentFailure(now, url, each.error.value, message, each.attempts))

    def newest(self) -> tuple[RecentFailure, ...]:
        return tuple(reversed(self._kept.copy()))


def encode(progress: RunProgress) -> bytes:
    """Return the text of ``progress.json``, at most ``MAX_BYTES`` long."""
    text = msgspec.json.encode(progress)
    while len(text) > MAX_BYTES and progress.resting:
        fewer = progress.resting[: len(progress.resting) // 2]
        progress = msgspec.structs.replace(progress, resting=fewer)
        text = msgspec.json.encode(progress)
    return text


def decode(text: bytes) -> RunProgress:
    """Read ``progress.json``. Raises ``msgspec.DecodeError`` if it is damaged."""
    return msgspec.json.decode(text, type=RunProgress)


def _cut_host(resting: RestingHost) -> RestingHost:
    return msgspec.structs.replace(resting, why=_cut(resting.why))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
