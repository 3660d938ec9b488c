"""The records of a report; ``report.json`` has the same names, structure and order.

Times are in seconds unless a name ends in ``_ms``, sizes in bytes, memory in MB of 10^6 bytes.
"""

from enum import StrEnum

import msgspec

from crawler.metrics.simultaneous import Simultaneous
from crawler.model.resting import RestingHost

_SHOWN = 0.005
"""Smallest share of the wall time that is shown."""


class Urls(msgspec.Struct, frozen=True):
    """Entries: ``done + failed + skipped + pending = input + discovered``.

    ``duplicates`` and ``filtered`` (links out of scope, too deep or too many) never became entries.
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
    """Percentiles of the total time of answered requests, by nearest rank; 0 if there are none."""

    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class IoWait(msgspec.Struct, frozen=True):
    """The time spent waiting for the network, and how much of it concurrency saved.

    ``total_s`` is the sum over requests, ``exposed_s`` the time in which the fetch thread had
    nothing to do but wait, ``saved_s`` the difference and ``overlap`` the quotient (None if
    nothing was exposed). ``naive_sum_s``, the sum of latencies and lookups, is an upper bound of
    ``total_s`` that includes the crawler's own queues. ``method`` says which clock measured, and
    for how many requests the figure is uncertain.
    """

    total_s: float = 0.0
    handshake_s: float = 0.0
    exposed_s: float = 0.0
    saved_s: float = 0.0
    overlap: float | None = None
    naive_sum_s: float = 0.0
    method: str = "none"


class Connections(msgspec.Struct, frozen=True):
    """On what the requests that got a response were sent; redirects and robots.txt included.

    ``opened`` made a connection for it, ``reused`` were sent on a kept one; the two add up to the
    number of responses. ``resumed`` is the part of ``opened`` whose TLS handshake resumed an
    earlier session. Failed requests are in none of them: an error does not tell whether its
    connection was new, so there may have been more connections than ``opened``.
    """

    opened: int = 0
    reused: int = 0
    resumed: int = 0

    @property
    def used(self) -> int:
        return self.opened + self.reused


class TimeBudget(msgspec.Struct, frozen=True):
    """The fetch thread's wall time in six parts that add up to it."""

    computing: float = 0.0
    waiting: float = 0.0
    politeness: float = 0.0
    starved: float = 0.0
    backpressure: float = 0.0
    descheduled: float = 0.0

    def shares(self, wall_s: float) -> dict[str, float]:
        """Shares of ``wall_s`` by part, in this order; those too small to show are left out."""
        parts = {name: getattr(self, name) for name in self.__struct_fields__}
        return {
            name: value / wall_s for name, value in parts.items() if value >= _SHOWN * wall_s > 0
        }


class SlotSeconds(msgspec.Struct, frozen=True):
    """Slot-seconds by use; the first four add up to concurrency times wall time.

    ``parsing`` is the part of ``backpressure`` in which pages waited for the parse workers,
    ``silent`` the part of ``politeness`` in which only hosts that do not answer were waited for.
    """

    used: float = 0.0
    politeness: float = 0.0
    starved: float = 0.0
    backpressure: float = 0.0
    parsing: float = 0.0
    silent: float = 0.0


class Cpu(msgspec.Struct, frozen=True):
    """CPU seconds of fetching (all threads that fetch) and of parsing (all workers)."""

    fetch_s: float = 0.0
    parse_s: float = 0.0

    @property
    def total_s(self) -> float:
        return self.fetch_s + self.parse_s


class CacheUse(msgspec.Struct, frozen=True):
    """What the cache of results was for a session.

    ``pages`` were not parsed, because it had what is read from them. ``trouble`` says why a parse
    worker did not use it to the end.
    """

    pages: int = 0
    trouble: str | None = None


class ShardUse(msgspec.Struct, frozen=True):
    """In how many sessions the shards of a crawl were crawled.

    ``killed`` of the ``sessions`` were killed: what they did is counted, but their times are not.
    ``on_the_way`` records were sent to a shard that has not received them: URLs of the input and of
    links, which are no entries yet.
    """

    shards: int
    sessions: int
    killed: int = 0
    on_the_way: int = 0


class OneByOne(msgspec.Struct, frozen=True):
    """The time for one request at a time, estimated from ``sample`` measured URLs.

    ``low_s`` to ``high_s`` is a 95 % interval of ``sequential_s``.
    """

    sample: int
    sequential_s: float
    low_s: float
    high_s: float


class Baseline(OneByOne, frozen=True):
    """The measured baseline, and ``speedup``: how many times as fast the run was."""

    speedup: float


class Limiter(StrEnum):
    """What can limit the speed of a run."""

    POLITENESS = "politeness"
    HOSTS = "hosts"
    CONCURRENCY = "concurrency"
    CPU = "cpu"
    HANDSHAKES = "handshakes"
    LOCK = "lock"
    PARSE = "parse"
    MEMORY = "memory"
    SINK = "sink"
    SOURCE = "source"
    SHARDS = "shards"
    MACHINE = "machine"
    SHORT = "short"


class Limit(msgspec.Struct, frozen=True):
    """What limited this run; ``says`` explains it and ``change`` says what to change."""

    what: Limiter
    says: str
    change: str


class Report(msgspec.Struct, frozen=True):
    """``report.json``. ``wall_s`` runs from the first entry to the last commit.

    ``bytes`` is the size of all pages that are done, ``same_content`` how many of them have the
    same body as another page. ``status`` counts all responses by status code, ``errors`` failed
    entries by kind and ``skips`` skipped entries by reason. ``auto`` says which engine
    ``--engine auto`` chose, and why. ``model`` has lower bounds of the time for the same work.
    ``lost_workers`` is the number of parse workers that died and were replaced. ``resting`` has
    the first 100 of ``resting_hosts`` hosts that got no requests when the session ended.
    ``cache`` is None without ``--cache``, ``shards`` is None if the crawl is not sharded.

    In a sharded crawl, ``startup_s``, ``wall_s`` and ``pages_per_s`` are those of its driver. Other
    times and counts are sums over the sessions of all shards, ``concurrency`` is that of all
    sessions at once, and ``rss_peak_mb`` the sum of the largest sessions that may run at once.
    ``same_content`` compares the pages of each shard alone.
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
    lost_workers: int = 0
    resting_hosts: int = 0
    resting: tuple[RestingHost, ...] = ()
    connections: Connections = Connections()
    cache: CacheUse | None = None
    shards: ShardUse | None = None

    @property
    def thread_s(self) -> float:
        """The time of the fetch thread; in a sharded crawl, the sum over its sessions."""
        if self.shards is None:
            return self.wall_s
        return float(sum(msgspec.structs.astuple(self.budget)))

    def _repr_html_(self) -> str:
        """The report as notebooks show it."""
        from crawler.metrics.card import card  # only notebooks need it

        return card(self)


def to_json(report: Report) -> bytes:
    """The text of ``report.json``, indented; ``from_json`` reads it."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def from_json(text: bytes) -> Report:
    """Read ``report.json``; raises ``msgspec.DecodeError`` if the text is not a report."""
    return msgspec.json.decode(text, type=Report)
