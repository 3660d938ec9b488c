"""What a comparison found, as records: the tree behind ``compare.json``.

Times are in seconds unless a name ends in ``_ms``, memory in MB of 10^6 bytes.
"""

from enum import StrEnum

import msgspec

from crawler.metrics.report import Cpu, IoWait, Latency, Limit, OneByOne, SlotSeconds, TimeBudget
from crawler.metrics.simultaneous import Simultaneous


class TimedRun(msgspec.Struct, frozen=True):
    """One crawl of the list, in a process of its own.

    ``wall_s`` runs from the first request to the last commit; ``cpu`` is what fetching and parsing
    took in that time, ``cpu_s_per_1000`` the same for 1,000 pages. ``cpu_s`` is that of all the
    run's processes from beginning to end, starting up included (wait4(2)). Of the server, which is
    ours in a replay only: ``requests`` it got, ``connections`` that were made, ``server_cpu_s``,
    and ``wait_error``, by how much waiting for its answers was longer than recorded, as a share.
    """

    engine: str
    concurrency: int
    repeat: int
    wall_s: float
    pages: int
    pages_per_s: float
    cpu_s: float
    cpu: Cpu
    cpu_s_per_1000: float
    rss_peak_mb: float
    latency_ms: Latency
    io_wait: IoWait
    budget: TimeBudget
    slots: SlotSeconds
    errors: dict[str, int]
    limited_by: Limit
    requests: int | None = None
    connections: int | None = None
    server_cpu_s: float | None = None
    wait_error: float | None = None


class Parity(msgspec.Struct, frozen=True):
    """Whether the same was asked of all. Sentences, but for ``same``: what, and how it was.

    ``settings`` is what the options made unequal, ``unexplained`` what was seen to differ and no
    engine had announced: each withholds the verdict. ``engines`` is what an engine cannot do
    otherwise, to be read beside the verdict.
    """

    same: dict[str, str]
    settings: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()

    @property
    def fair(self) -> bool:
        return not self.settings and not self.unexplained


class RunOutcome(StrEnum):
    """What can be said of a pair."""

    FASTER = "faster"
    NO_DIFFERENCE = "no difference"
    LIMITED = "limited"
    WITHHELD = "withheld"


class Verdict(msgspec.Struct, frozen=True):
    """``a`` beside ``b`` at one ``concurrency``.

    ``ratio`` is a's speed over b's, with its 95 % interval; None where no figure is fit to be
    shown. ``limited_by`` is what held ``a`` up where no difference is shown, or else what held up
    the slower.
    """

    a: str
    b: str
    concurrency: int
    what: RunOutcome
    says: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    limited_by: str | None = None


class Recommended(msgspec.Struct, frozen=True):
    engine: str
    concurrency: int
    because: str


class SpeedUp(msgspec.Struct, frozen=True):
    """How many times as fast as one by one. The interval is one of 95 % at the least: from the
    lower end of that one over the upper end of the wall time to the reverse.
    """

    ratio: float
    low: float
    high: float


class Summary(msgspec.Struct, frozen=True):
    """The medians over a contestant's runs, and what its work bounds: ``model``.

    ``low_pages_per_s`` to ``high_pages_per_s`` is a 95 % interval of the median. ``speedup`` is
    over the measured baseline, if there is one.
    """

    engine: str
    concurrency: int
    pages_per_s: float
    low_pages_per_s: float
    high_pages_per_s: float
    wall_s: float
    cpu_s_per_1000: float
    rss_peak_mb: float
    descheduled: float
    server_busy: float | None
    wait_error: float | None
    limited_by: str
    model: Simultaneous
    speedup: SpeedUp | None = None


class Recording(msgspec.Struct, frozen=True):
    """The crawl that was replayed: how it went, and what of it was left out, in words."""

    archive: str
    wall_s: float
    io_wait_s: float
    left_out: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """``compare.json``. ``runs`` are in the order in which they ran; ``seconds`` is all of it.

    ``differences`` says where runs did not find the same (``same_results`` is False then),
    ``notes`` what else a reader must know.
    """

    version: str
    live: bool
    urls: int
    cores: int
    repeat: int
    seconds: float
    runs: tuple[TimedRun, ...]
    parity: Parity
    same_results: bool
    differences: tuple[str, ...]
    verdict: tuple[Verdict, ...]
    recommended: Recommended | None
    summary: tuple[Summary, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    recording: Recording | None = None
    baseline: OneByOne | None = None

    @property
    def comparable(self) -> bool:
        """Whether the same was asked of all, and all found the same."""
        return self.parity.fair and self.same_results


def to_json(comparison: Comparison) -> bytes:
    """Write the text of ``compare.json``, indented; ``from_json`` reads it back."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=2) + b"\n"


def from_json(text: bytes) -> Comparison:
    """Raises ``msgspec.DecodeError`` where the text is no comparison."""
    return msgspec.json.decode(text, type=Comparison)
