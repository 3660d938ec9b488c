"""The records that packages exchange: frozen, picklable, without behaviour.

Durations are in seconds, sizes in bytes. ``msgspec.Struct`` replaces dataclasses here: several
records are created per page, and creating a frozen dataclass takes ten times as long.
"""

from typing import Literal

import msgspec

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Response, Timing
from crawler.model.pages import Failure, Skipped


class Fetched(msgspec.Struct, frozen=True):
    """A request ended, with a response or an error. ``started`` is its start (monotonic time).

    ``queued`` is how long the request was ready to be sent but waited for a free slot. ``bytes`` is
    the size of the body as received. ``error`` is None for a response of any status.
    """

    url: str
    started: float
    queued: float
    timing: Timing
    status: int | None
    bytes: int
    error: FailureKind | None = None

    @classmethod
    def of(
        cls, url: str, since: float, started: float, now: float, result: Response | FetchError
    ) -> "Fetched":
        """The request that could be sent ``since`` then, ``started`` then, and ended ``now``."""
        queued = max(0.0, started - since)
        if isinstance(result, FetchError):
            return cls(url, started, queued, Timing(total=now - started), None, 0, result.kind)
        return cls(url, started, queued, result.timing, result.status, len(result.body))


class Finished(msgspec.Struct, frozen=True):
    """Entries reached a final state: the number of pages, and every failure and skip.

    ``cached`` of the pages were not parsed, because the cache knew what is read from them.
    """

    done: int = 0
    failed: tuple[Failure, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    body_bytes: int = 0
    parse_cpu: float = 0.0
    cached: int = 0


class Counted(msgspec.Struct, frozen=True):
    """URLs arrived from the input or from links; ``filtered`` links were out of scope, too
    deep or too many. A negative number of them went on in another shard.
    """

    input: int = 0
    duplicates: int = 0
    discovered: int = 0
    filtered: int = 0


Idle = Literal["politeness", "starved", "backpressure"]
"""Why fetch slots are empty: every host must wait, no URLs are left, or later stages are full."""


class Load(msgspec.Struct, frozen=True):
    """From ``now`` (monotonic) on, ``in_flight`` slots are used; ``idle`` is why no more are used.

    ``idle`` is one of ``politeness``, ``starved`` and ``backpressure``. With ``backpressure``,
    ``parse_full`` says whether pages wait for the parse workers, and ``memory_full`` whether bodies
    that arrive wait for room; otherwise pages wait for the outputs. With ``politeness``, ``silent``
    says whether only hosts that do not answer are waited for.
    """

    now: float
    in_flight: int
    idle: Idle
    parse_full: bool = False
    memory_full: bool = False
    silent: bool = False


class Choice(msgspec.Struct, frozen=True):
    """The engine that ``--engine auto`` chose, and the fetch thread's figures until then.

    In ``requests`` requests the thread used ``cpu`` CPU seconds and was idle for ``waiting``
    seconds with requests in flight. ``busy`` is the share of time with work for the CPU.
    ``bound`` is the limit: ``cpu``, ``io`` (waiting for responses) or None. ``costs`` has the CPU
    seconds per request of each engine that was tried; infinite if it received no response.
    """

    engine: str
    requests: int = 0
    cpu: float = 0.0
    waiting: float = 0.0
    busy: float = 0.0
    bound: Literal["cpu", "io"] | None = None
    costs: dict[str, float] = {}


class Retried(msgspec.Struct, frozen=True):
    """Attempt number ``attempt`` for ``url`` failed; the next one starts in ``wait`` seconds."""

    url: str
    error: FailureKind
    message: str
    attempt: int
    wait: float
    status: int | None = None


class Held(msgspec.Struct, frozen=True):
    """``host`` responded with ``status`` and Retry-After: it gets no requests for ``wait`` s."""

    host: str
    wait: float
    status: int


class Slowed(msgspec.Struct, frozen=True):
    """Because of ``error``, requests to ``host`` are ``delay`` seconds apart from now on."""

    host: str
    delay: float
    error: FailureKind
    status: int | None = None


class Rested(msgspec.Struct, frozen=True):
    """Nothing has come from ``host`` for ``seconds``; it gets the next probe in ``wait`` s.

    ``probes`` were not answered until now.
    """

    host: str
    seconds: float
    wait: float
    why: FetchError
    probes: int = 1


class Returned(msgspec.Struct, frozen=True):
    """``host`` answers again, after ``seconds``."""

    host: str
    seconds: float


class GaveUp(msgspec.Struct, frozen=True):
    """After ``seconds`` without a useful answer of ``host``, all its URLs fail with ``why``.

    A host that answers only 429 or 503 has that ``status``.
    """

    host: str
    seconds: float
    why: FetchError
    status: int | None = None


class NetworkAway(msgspec.Struct, frozen=True):
    """No host has answered for ``seconds``, the last one was ``host``.

    The crawl ends, and can be resumed.
    """

    host: str
    seconds: float
    why: FetchError

    @property
    def says(self) -> str:
        return (
            f"the network is away: no host has answered for {self.seconds:.0f} s "
            f"({self.host}: {self.why}); nothing has failed because of it: resume the run later"
        )


class RobotsFailed(msgspec.Struct, frozen=True):
    """The robots.txt of the origin ``site`` could not be fetched, so nothing of it is requested."""

    site: str
    message: str


class LinksCut(msgspec.Struct, frozen=True):
    """The page at ``url`` has more links than a page may have: ``links`` of them are not used."""

    url: str
    links: int


class CacheFailed(msgspec.Struct, frozen=True):
    """A parse worker does not use the cache of results from now on, because of ``message``."""

    message: str


class Committed(msgspec.Struct, frozen=True):
    """All results so far are on disk: ``entries`` new final states, written in ``seconds``."""

    entries: int
    seconds: float


HostNotice = Held | Slowed | Rested | Returned | GaveUp | NetworkAway
Notice = Retried | HostNotice | RobotsFailed | LinksCut | CacheFailed | Committed
"""Events for people who follow a crawl; no figure counts them."""
Event = Fetched | Finished | Counted | Load | Notice
"""Everything that the pipeline reports to its observers."""
