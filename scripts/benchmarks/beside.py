"""Cases that several scenarios have: pages a second of the same work, done by us and by others."""

from collections.abc import Callable
from functools import partial

from benchmarks import records, references
from benchmarks.crawls import crawl
from benchmarks.runs import Bench, Case, Goal, Measured, alternate
from benchmarks.work import Work, listed
from crawler.parsing.executors.names import EXECUTORS

_BEGIN_TO_END = "start to exit"
BESIDE_C = "beside C (fewer fields, no state)"
_LEFT_OUT = "libcurl and lexbor on two threads; no robots.txt, no politeness, no report"
STAGES = tuple(name for name in EXECUTORS if name != "none")

Seconds = Callable[[], float]


def speeds(bench: Bench, pages: int, ours: Seconds, reference: Seconds) -> Measured:
    """Pages a second, in turns."""
    return Measured(alternate(lambda: pages / ours(), lambda: pages / reference(), bench.repeat))


def crawled(bench: Bench, work: Work, *options: str) -> float:
    """Seconds of ``crawler crawl`` with the defaults, or with ``options``, its output checked."""
    done = crawl(bench, work.urls, *work.options, *options)
    records.check(done.pages, work.expected)
    return done.run.wall


def beside_bare_loop(
    bench: Bench, work: Work, least: float | None = None, name: str = "beside a bare loop"
) -> Case:
    def measure() -> Measured:
        bare = partial(references.bare_loop, bench, work)
        return speeds(bench, work.pages, lambda: crawled(bench, work), bare)

    return Case(name, "pages/s", Goal("ratio", least=least), measure, _BEGIN_TO_END)


def fastest_stage(bench: Bench, work: Work, least: float) -> Case:
    """Which ``--parse`` is fastest is found out first, by a run of each."""

    def wall(stage: str) -> float:
        return crawled(bench, work, "--parse", stage)

    def measure() -> Measured:
        best = min(STAGES, key=wall)
        bare = partial(references.bare_loop, bench, work)
        pairs = speeds(bench, work.pages, partial(wall, best), bare).pairs
        return Measured(pairs, f"the fastest was --parse {best}")

    name = "fastest stage, beside a bare loop"
    return Case(name, "pages/s", Goal("ratio", least=least), measure, _BEGIN_TO_END)


def beside_c(bench: Bench, work: Work, left_out: str = "", name: str = BESIDE_C) -> Case:
    def measure() -> Measured:
        as_list = listed(bench, work.expected)
        in_c = partial(references.in_c, bench, as_list)
        return speeds(bench, work.pages, lambda: crawled(bench, work), in_c)

    note = "; ".join(filter(None, (_LEFT_OUT, left_out)))
    return Case(name, "pages/s", Goal("ratio"), measure, note)
