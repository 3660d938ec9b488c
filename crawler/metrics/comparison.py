"""The records of a comparison; ``compare.json`` has the same names and structure.

Times are in seconds unless a name ends in ``_ms``, memory in MB of 10^6 bytes.
"""

from enum import StrEnum

import msgspec

from crawler.metrics.contestants import Contestant, Naming, contestant_of
from crawler.metrics.report import Cpu, IoWait, Latency, Limit, OneByOne, SlotSeconds, TimeBudget
from crawler.metrics.simultaneous import Simultaneous


class TimedRun(msgspec.Struct, frozen=True):
    """One crawl of the list, in a process of its own.

    ``wall_s`` runs from the first request to the last commit; ``cpu`` is the CPU time of fetching
    and parsing in that time, ``cpu_s_per_1000`` the same for 1,000 pages. With ``parse`` inline,
    the CPU time of fetching includes that of parsing. ``cpu_s`` is the CPU time of all processes of
    the run, including start-up (wait4(2)). Three fields describe the replay server and are None
    without one: ``requests`` it received, ``server_cpu_s``, and ``wait_error``: how much longer the
    waits were than in the recording, as a share of them. ``connections`` is what the replay server
    counted, or without one the report of the run; ``connections_needed`` were enough if each was
    kept, None if that is not known. ``workers`` is the number of processes or threads that parse.
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
    parse: str = ""
    workers: int = 0
    connections_needed: int | None = None


class Parity(msgspec.Struct, frozen=True):
    """Whether the conditions were the same for all runs. All but ``same`` are sentences.

    ``same`` maps a condition to how it was. ``settings`` are options that differ, ``unexplained``
    are observed differences that no engine declares: each of these withholds the verdict.
    ``engines`` are known differences between engines, to be read together with the verdict.
    """

    same: dict[str, str]
    settings: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()

    @property
    def fair(self) -> bool:
        return not self.settings and not self.unexplained


class RunOutcome(StrEnum):
    """The result for a pair of contestants."""

    FASTER = "faster"
    NO_DIFFERENCE = "no difference"
    LIMITED = "limited"
    WITHHELD = "withheld"


class Verdict(msgspec.Struct, frozen=True):
    """Two engines, or two ways to parse with one engine, at one ``concurrency``.

    ``a`` and ``b`` are the engines, ``a_parse`` and ``a_workers`` say how the first one parsed.
    ``ratio`` is the speed of the first divided by that of the second, ``low`` to ``high`` its 95 %
    interval; None if the verdict is withheld. ``limited_by`` is what limited the first if no
    difference is shown, else what limited the slower one.
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
    a_parse: str = ""
    a_workers: int = 0
    b_parse: str = ""
    b_workers: int = 0

    @property
    def pair(self) -> tuple[Contestant, Contestant]:
        a = Contestant(self.a, self.concurrency, self.a_parse, self.a_workers)
        return a, Contestant(self.b, self.concurrency, self.b_parse, self.b_workers)


class Recommended(msgspec.Struct, frozen=True):
    engine: str
    concurrency: int
    because: str
    parse: str = ""
    workers: int = 0


class SpeedUp(msgspec.Struct, frozen=True):
    """How many times as fast as one by one; ``low`` to ``high`` covers at least 95 %.

    ``low`` is the baseline's lower bound divided by the upper bound of the wall time, ``high`` is
    the reverse.
    """

    ratio: float
    low: float
    high: float


class Summary(msgspec.Struct, frozen=True):
    """Medians over the runs of one contestant.

    ``low_pages_per_s`` to ``high_pages_per_s`` is a 95 % interval of the median. ``model`` has
    lower bounds of the time for the same work. ``speedup`` is relative to the measured baseline.
    ``cores`` is the CPU time of fetching and parsing, ``cpu``, divided by the wall time.
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
    parse: str = ""
    workers: int = 0
    cpu: Cpu = Cpu()
    cores: float = 0.0


class Recording(msgspec.Struct, frozen=True):
    """The crawl that was replayed; ``left_out`` says in words which URLs were not replayed."""

    archive: str
    wall_s: float
    io_wait_s: float
    left_out: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """``compare.json``. ``runs`` are in order of execution; ``seconds`` is the time of everything.

    ``differences`` says where the results of runs differ (``same_results`` is False then),
    ``notes`` what else a reader must know, ``parsing`` what was learned about the parse executors.
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
    parsing: tuple[str, ...] = ()

    @property
    def naming(self) -> Naming:
        return Naming(map(contestant_of, self.summary))

    @property
    def comparable(self) -> bool:
        """Whether all runs had the same conditions and the same results."""
        return self.parity.fair and self.same_results


def to_json(comparison: Comparison) -> bytes:
    """The text of ``compare.json``, indented; ``from_json`` reads it."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=2) + b"\n"


def from_json(text: bytes) -> Comparison:
    """Raises ``msgspec.DecodeError`` if the text is not a comparison."""
    return msgspec.json.decode(text, type=Comparison)
