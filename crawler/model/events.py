"""The records that travel between the rooms: frozen, picklable, without behaviour.

Durations are in seconds, sizes in bytes. ``msgspec.Struct`` is used instead of a dataclass because
a record is made several times a page and a frozen dataclass costs ten times as much to make.
"""

from typing import Literal

import msgspec

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Response, Timing
from crawler.model.pages import Failure, Skipped


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


Idle = Literal["politeness", "starved", "backpressure"]
"""Why fetch slots are empty: hosts have to wait, there is no URL, or the later stages are full."""


class Load(msgspec.Struct, frozen=True):
    """From ``now`` (monotonic) on ``in_flight`` slots are used, and ``idle`` is why no more are.

    ``idle`` is one of ``politeness``, ``starved`` and ``backpressure``.
    """

    now: float
    in_flight: int
    idle: Idle


class Choice(msgspec.Struct, frozen=True):
    """What ``--engine auto`` chose, and what the fetch thread had done until then.

    In ``requests`` requests it computed for ``cpu`` seconds and idled ``waiting`` seconds with
    requests in flight; ``busy`` is the share of the time in which it had something to compute.
    ``bound`` is what limits: ``cpu``, ``io`` (answers), or neither. ``costs`` are CPU seconds per
    request of each engine that was tried; infinite for one that had no answer.
    """

    engine: str
    requests: int = 0
    cpu: float = 0.0
    waiting: float = 0.0
    busy: float = 0.0
    bound: Literal["cpu", "io"] | None = None
    costs: dict[str, float] = {}


class Retried(msgspec.Struct, frozen=True):
    """Try number ``attempt`` of ``url`` failed, and the next one goes in ``wait`` seconds."""

    url: str
    error: FailureKind
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
    error: FailureKind
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
