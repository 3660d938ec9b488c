"""The records that travel between the rooms: frozen, picklable, without behaviour.

Durations are in seconds, sizes in bytes. ``msgspec.Struct`` is used instead of a dataclass because
a record is made several times a page and a frozen dataclass costs ten times as much to make.
"""

from typing import Literal

import msgspec

from crawler.errors import Kind, Skip

Headers = tuple[tuple[str, str], ...]
"""Header lines in order; names as sent for requests, in lower case for responses."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where a host name leads. Rules judge ``address``; the socket goes to ``dial_host:dial_port``.

    They differ only where the network is mocked. ``lookup_s`` is what the look-up cost this request
    (0 from the cache).
    """

    address: str
    dial_host: str
    dial_port: int
    lookup_s: float = 0.0


class Request(msgspec.Struct, frozen=True):
    """One exchange on the wire: a GET of ``url`` sent to ``endpoint``.

    ``url`` is canonical: ASCII, absolute, http or https, no userinfo, no fragment. ``headers`` are
    all headers but Host and Connection, in order. ``timeout`` is the total deadline of this
    exchange, ``max_bytes`` bounds the body as it comes (before content decoding).
    """

    url: str
    endpoint: Endpoint
    headers: Headers
    timeout: float
    max_bytes: int
    verify: bool = True


class Timing(msgspec.Struct, frozen=True):
    """Where one request spent its time; ``dns + connect + tls + answer`` is its I/O wait.

    ``answer`` runs from the request leaving to the last byte of the answer arriving in the kernel,
    ``buffered`` is how long that last byte then lay there before we took it. ``first_byte`` and
    ``total`` run from the start of the fetch, by the library's clock or ours. ``method`` says who
    measured ``answer``; ``sure`` is False where the body was larger than the receive window, so
    that the wait may contain our own reading.
    """

    connect: float = 0.0
    tls: float = 0.0
    answer: float = 0.0
    first_byte: float = 0.0
    buffered: float = 0.0
    total: float = 0.0
    dns: float = 0.0
    reused: bool = False
    method: Literal["kernel", "library"] = "library"
    sure: bool = True

    @property
    def io_wait(self) -> float:
        return self.dns + self.connect + self.tls + self.answer


class Response(msgspec.Struct, frozen=True):
    """What came back, whole: ``body`` is as sent, its Content-Encoding not undone."""

    status: int
    headers: Headers
    body: bytes
    timing: Timing
    http_version: str = "1.1"

    def header(self, name: str) -> str | None:
        """First value of header ``name`` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)


class Link(msgspec.Struct, frozen=True):
    """A URL found on a page, worth following: canonical, in scope. ``key`` is its identity."""

    url: str
    key: int


class Page(msgspec.Struct, frozen=True, omit_defaults=False):
    """One good response, parsed: a line of ``pages.jsonl``. Field order is the order in the file.

    ``url`` is what was asked, ``final_url`` what answered. ``bytes`` and ``digest`` (SHA-256, hex)
    are of the body after content decoding; ``encoding`` is the character set that was used.
    ``links``: absolute, canonical, unique, in document order.
    """

    url: str
    final_url: str
    status: int
    content_type: str | None
    fetched_at: str
    elapsed_ms: float
    bytes: int
    digest: str
    depth: int
    encoding: str | None = None
    title: str | None = None
    description: str | None = None
    lang: str | None = None
    canonical: str | None = None
    links: tuple[str, ...] = ()
    fields: dict[str, object] | None = None
    html: str | msgspec.UnsetType = msgspec.UNSET


class Failure(msgspec.Struct, frozen=True):
    """An entry that was tried and did not give a page: a line of ``failures.jsonl``."""

    url: str
    error: Kind
    message: str
    attempts: int
    status: int | None = None


class Skipped(msgspec.Struct, frozen=True):
    """An entry that was not asked for, by rule: a line of ``skipped.jsonl``."""

    url: str
    reason: Skip
    message: str


class Fetched(msgspec.Struct, frozen=True):
    """A request ended, well or not. ``started`` is the monotonic clock when its fetch began.

    ``queued`` is how long the request had been allowed to go before a slot was free, ``bytes`` the
    size of the body as it came. ``error`` is None for an answer of any status.
    """

    url: str
    started: float
    queued: float
    timing: Timing
    status: int | None
    bytes: int
    error: Kind | None = None


class Finished(msgspec.Struct, frozen=True):
    """Entries reached a final state: how many pages, and each failure and skip."""

    done: int = 0
    failed: tuple[Failure, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    body_bytes: int = 0
    parse_cpu: float = 0.0


class Counted(msgspec.Struct, frozen=True):
    """Entries came in, from the input or from links; ``filtered`` links were out of scope."""

    input: int = 0
    duplicates: int = 0
    discovered: int = 0
    filtered: int = 0


class Load(msgspec.Struct, frozen=True):
    """From ``now`` (monotonic) on ``in_flight`` slots are used, and ``idle`` is why no more are.

    ``idle`` is one of ``politeness``, ``starved`` and ``backpressure``.
    """

    now: float
    in_flight: int
    idle: Literal["politeness", "starved", "backpressure"]


class Choice(msgspec.Struct, frozen=True):
    """What ``--engine auto`` settled on, and what the fetch thread had done until then.

    Of ``wall`` seconds it computed (``cpu``), was ready without a core (``delayed``), or idled with
    requests in flight (``waiting``). ``costs`` are CPU seconds a request, for the engines that were
    tried against each other; infinite for one that gave no answer.
    """

    engine: str
    requests: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    delayed: float = 0.0
    waiting: float = 0.0
    costs: dict[str, float] = {}

    @property
    def busy(self) -> float:
        """Share of the time in which it had something to compute."""
        return min(1.0, (self.cpu + self.delayed) / self.wall) if self.wall > 0 else 0.0

    @property
    def cpu_bound(self) -> bool:
        return self.busy >= 0.5

    @property
    def io_bound(self) -> bool:
        """Whether what it waited for, when it did, were answers."""
        return not self.cpu_bound and self.waiting >= (1 - self.busy) * self.wall / 2


Event = Fetched | Finished | Counted | Load
"""What the core tells the meter."""
