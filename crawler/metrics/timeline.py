"""``timeline.jsonl``: an even sample of up to 100,000 fetches of a run, one JSON object a line."""

import itertools
import os
from collections import deque
from pathlib import Path

import msgspec

from crawler.model.errors import FailureKind, writing
from crawler.model.events import Fetched
from crawler.model.exchange import Timing
from crawler.model.files import open_file, replace_file
from crawler.model.secrets import Hide

LIMIT = 100_000


class Line(msgspec.Struct, frozen=True):
    """One fetch, in seconds. ``t`` is the start of its host lookup, since the start of the run.

    ``connect + tls + wait + receive + buffered`` is ``total``, to a microsecond. ``queued`` is
    before ``t``; ``dns`` is between ``t`` and the other phases. ``error`` is None if there was a
    response, whatever its ``status``.
    """

    url: str
    t: float
    queued: float
    dns: float
    connect: float
    tls: float
    wait: float
    receive: float
    buffered: float
    total: float
    status: int | None
    error: FailureKind | None
    reused: bool
    method: str
    sure: bool


def line(event: Fetched, started: float, hide: Hide = str) -> Line:
    """The line for ``event`` in a run that ``started`` at that monotonic time.

    ``hide`` takes the secrets out of the URL, which a server may have made of a header.
    """
    timing = event.timing
    phases = _phases(timing, failed=event.error is not None)
    spans = (event.started - started, event.queued, timing.dns, *phases, timing.total)
    # The same as round(seconds, 6), which goes by way of decimal digits, in half the time.
    t, queued, dns, connect, tls, wait, receive, buffered, total = [
        round(seconds * 1e6) / 1e6 for seconds in spans
    ]
    return Line(
        url=hide(event.url),
        t=t,
        queued=queued,
        dns=dns,
        connect=connect,
        tls=tls,
        wait=wait,
        receive=receive,
        buffered=buffered,
        total=total,
        status=event.status,
        error=event.error,
        reused=timing.reused,
        method=timing.method,
        sure=timing.sure,
    )


def _phases(timing: Timing, *, failed: bool) -> tuple[float, float, float, float, float]:
    """Seconds of connecting, TLS, waiting, receiving and buffering; together they are the total.

    A library may see the first byte only when it reads it from the buffer. Its time to the first
    byte then includes time in the buffer, which is subtracted from the wait. A failed fetch counts
    as waiting, because its phases were not measured.
    """
    connect, tls = timing.connect, timing.tls
    left = max(0.0, timing.total - connect - tls)
    if failed:
        return connect, tls, left, 0.0, 0.0
    buffered = min(timing.buffered, left)
    seen = max(0.0, timing.first_byte - connect - tls)
    wait = min(seen, left - buffered)
    return connect, tls, wait, left - buffered - wait, buffered


class Timeline:
    """Writes every ``stride``-th fetch; at ``limit`` lines it drops half and doubles ``stride``.

    One thread may call ``add`` while another one calls ``flush``. An existing file is replaced: the
    timeline belongs to one session, like the report. Opening and writing raise StateError;
    ``limit`` is at least 2.
    """

    def __init__(
        self, path: Path, started: float = 0.0, limit: int = LIMIT, hide: Hide = str
    ) -> None:
        self._path = path
        self._started = started
        self._limit = limit
        self._hide = hide
        self._seen = 0
        self._stride = 1
        self._lines = 0
        self._encoder = msgspec.json.Encoder()
        self._waiting: deque[tuple[int, Fetched]] = deque()
        with writing(path):
            replace_file(path, b"")

    def start(self, now: float) -> None:
        """Set the start of the run (monotonic)."""
        self._started = now

    def add(self, event: Fetched) -> None:
        """Remember ``event`` for the next ``flush``; does no I/O."""
        if self._seen % self._stride == 0:
            self._waiting.append((self._seen, event))
        self._seen += 1

    def flush(self) -> None:
        """Write the events added so far."""
        with writing(self._path):
            self._flush()

    def _flush(self) -> None:
        chunk: list[Line] = []
        for _ in range(len(self._waiting)):
            index, event = self._waiting.popleft()
            if self._lines == self._limit:
                self._write(chunk)
                chunk.clear()
                self._thin()
            if index % self._stride == 0:
                chunk.append(line(event, self._started, self._hide))
                self._lines += 1
        self._write(chunk)

    def _write(self, chunk: list[Line]) -> None:
        if chunk:
            file = open_file(self._path, os.O_WRONLY | os.O_APPEND)
            with os.fdopen(file, "ab") as opened:
                opened.write(self._encoder.encode_lines(chunk))

    def _thin(self) -> None:
        """Keep every second line, in a new file that replaces the old one."""
        thinned = self._path.with_name(self._path.name + ".tmp")
        with self._path.open("rb") as old, thinned.open("xb") as new:
            new.writelines(itertools.islice(old, 0, None, 2))
        thinned.replace(self._path)
        self._lines = (self._lines + 1) // 2
        self._stride *= 2
