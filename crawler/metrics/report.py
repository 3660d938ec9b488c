"""What a run was like, as records: the tree behind ``report.json``, names and order included.

Times are in seconds unless a name ends in ``_ms``, sizes in bytes, memory in MB of 10^6 bytes.
"""

from enum import StrEnum

import msgspec

from crawler.metrics.simultaneous import Simultaneous


class Urls(msgspec.Struct, frozen=True):
    """Entries: ``done + failed + skipped + pending = input + discovered``.

    ``duplicates`` and ``filtered`` (links out of scope or depth) never became entries.
    """

    input: int = 0
    duplicates: int = 0
    discovered: int = 0
    filtered: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    pending: int = 0

    @classmethod
    def of(cls, counts: object) -> "Urls":
        """From the accounts in the state: an object with attributes of these names."""
        return cls(**{name: getattr(counts, name) for name in cls.__struct_fields__})

    @property
    def finished(self) -> int:
        return self.done + self.failed + self.skipped


class Latency(msgspec.Struct, frozen=True):
    """Percentiles of what answered requests took in all, by nearest rank; 0 where none did."""

    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class IoWait(msgspec.Struct, frozen=True):
    """What waiting for the network cost, and what doing it side by side saved.

    ``total_s`` is the sum over requests, ``exposed_s`` the time in which the fetch thread had
    nothing to do but wait, ``saved_s`` the difference and ``overlap`` the quotient (None where
    nothing was exposed). ``naive_sum_s``, the sum of latencies, is an upper bound of ``total_s``
    that contains our own queues. ``method`` says who measured, and how many were less sure.
    """

    total_s: float = 0.0
    handshake_s: float = 0.0
    exposed_s: float = 0.0
    saved_s: float = 0.0
    overlap: float | None = None
    naive_sum_s: float = 0.0
    method: str = "none"


class TimeBudget(msgspec.Struct, frozen=True):
    """The fetch thread's wall time in six parts that add up to it."""

    computing: float = 0.0
    waiting: float = 0.0
    politeness: float = 0.0
    starved: float = 0.0
    backpressure: float = 0.0
    descheduled: float = 0.0


class SlotSeconds(msgspec.Struct, frozen=True):
    """Slots times seconds, by use; they add up to concurrency times wall time."""

    used: float = 0.0
    politeness: float = 0.0
    starved: float = 0.0
    backpressure: float = 0.0


class Cpu(msgspec.Struct, frozen=True):
    """CPU seconds of fetching (all threads that fetch) and of parsing (all workers)."""

    fetch_s: float = 0.0
    parse_s: float = 0.0


class OneByOne(msgspec.Struct, frozen=True):
    """One at a time, as measured on ``sample`` URLs: ``low_s`` to ``high_s`` is a 95 % interval."""

    sample: int
    sequential_s: float
    low_s: float
    high_s: float


class Baseline(OneByOne, frozen=True):
    """And how many times as fast the run was."""

    speedup: float


class Limiter(StrEnum):
    """What can hold a run back."""

    POLITENESS = "politeness"
    CONCURRENCY = "concurrency"
    CPU = "cpu"
    PARSE = "parse"
    SINK = "sink"
    SOURCE = "source"
    MACHINE = "machine"
    SHORT = "short"


class Limit(msgspec.Struct, frozen=True):
    """What limits this run, said in a sentence, and what to change, in another."""

    what: Limiter
    says: str
    change: str


class Report(msgspec.Struct, frozen=True):
    """``report.json``. ``wall_s`` runs from the first entry taken up to the last commit.

    ``bytes`` is the size of all pages that are done, ``same_content`` how many of them had the body
    of another; ``status`` counts every answer by its code, ``errors`` failed entries by kind and
    ``skips`` skipped ones by reason. ``auto`` says what ``--engine auto`` chose, and why; ``model``
    is what the waits and the computing of this run would take at best.
    """

    version: str
    engine: str
    concurrency: int
    startup_s: float
    wall_s: float
    pages_per_s: float
    urls: Urls
    bytes: int
    status: dict[str, int]
    errors: dict[str, int]
    skips: dict[str, int]
    latency_ms: Latency
    io_wait: IoWait
    budget: TimeBudget
    slots: SlotSeconds
    cpu: Cpu
    rss_peak_mb: float
    limited_by: Limit
    baseline: Baseline | None = None
    same_content: int = 0
    auto: str | None = None
    model: Simultaneous | None = None


def to_json(report: Report) -> bytes:
    """Write the text of ``report.json``, indented; ``from_json`` reads it back."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def from_json(text: bytes) -> Report:
    """Read ``report.json``; raises ``msgspec.DecodeError`` where the text is no report."""
    return msgspec.json.decode(text, type=Report)
