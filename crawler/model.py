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


class Proxy(msgspec.Struct, frozen=True):
    """Who is asked to ask others. ``userinfo`` is ``user:password``, for the proxy alone.

    With ``verify`` False the certificate of an https proxy is not looked at.
    """

    scheme: Literal["http", "https", "socks5"]
    host: str
    port: int
    userinfo: str | None = None
    verify: bool = True

    @property
    def place(self) -> str:
        """``host:port``, for a message."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Request(msgspec.Struct, frozen=True):
    """One exchange on the wire: a GET of ``url`` sent to ``endpoint``.

    ``url`` is canonical: ASCII, absolute, http or https, no userinfo, no fragment. ``headers`` are
    all headers but Host and Connection, in order. ``timeout`` is the total deadline of this
    exchange, ``max_bytes`` bounds the body as it comes (before content decoding). With ``proxy``
    that is who answers at ``endpoint``, and looks up the host of ``url`` itself.
    """

    url: str
    endpoint: Endpoint
    headers: Headers
    timeout: float
    max_bytes: int
    verify: bool = True
    proxy: Proxy | None = None


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

    def joined(self, name: str) -> str | None:
        """All values of header ``name`` (lower case) as one list (RFC 9110, 5.3), or None."""
        return ", ".join(value for key, value in self.headers if key == name) or None


class Link(msgspec.Struct, frozen=True):
    """A URL found on a page, worth following: canonical, in scope. ``key`` is its identity."""

    url: str
    key: int


Row = dict[str, str | int] | msgspec.UnsetType
"""What stood beside an input URL in its table, by column, and its ``line`` there, from 1."""


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
    input: Row = msgspec.UNSET


def row_of(text: str | None) -> Row:
    """The row that travels with an entry as JSON."""
    return msgspec.UNSET if text is None else msgspec.json.decode(text, type=dict[str, str | int])


class Failure(msgspec.Struct, frozen=True):
    """An entry that was tried and did not give a page: a line of ``failures.jsonl``."""

    url: str
    error: Kind
    message: str
    attempts: int
    status: int | None = None
    input: Row = msgspec.UNSET


class Skipped(msgspec.Struct, frozen=True):
    """An entry that was not asked for, by rule: a line of ``skipped.jsonl``."""

    url: str
    reason: Skip
    message: str
    input: Row = msgspec.UNSET


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


class Retried(msgspec.Struct, frozen=True):
    """Try number ``attempt`` of ``url`` failed, and the next one goes in ``wait`` seconds."""

    url: str
    error: Kind
    message: str
    attempt: int
    wait: float
    status: int | None = None


class Held(msgspec.Struct, frozen=True):
    """``host`` asked with ``status`` (Retry-After) for ``wait`` seconds in which nothing goes."""

    host: str
    wait: float
    status: int


class Slowed(msgspec.Struct, frozen=True):
    """``host`` is asked every ``delay`` seconds from now on, because of ``error``."""

    host: str
    delay: float
    error: Kind
    status: int | None = None


class RobotsFailed(msgspec.Struct, frozen=True):
    """The robots.txt of origin ``site`` could not be had, so nothing of it is asked for."""

    site: str
    message: str


class Committed(msgspec.Struct, frozen=True):
    """What happened so far is durable: ``entries`` more final states, in ``seconds``."""

    entries: int
    seconds: float


Notice = Retried | Held | Slowed | RobotsFailed | Committed
"""What is counted nowhere, and told to who wants to follow a crawl."""
Event = Fetched | Finished | Counted | Load | Notice
"""What the core tells those who watch it."""
