"""``startup`` and ``help``: how long one page takes, and ``--help``, beside Python itself."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

from benchmarks import records
from benchmarks.crawls import PROGRAM, crawl
from benchmarks.runs import (
    Bench,
    Case,
    Goal,
    Measured,
    Pair,
    Run,
    alternate,
    in_turns,
    run,
    typical,
)
from benchmarks.throughput import list_work
from benchmarks.work import Work

_BEST_OF = 5
_STARTS = (5, 1)
"""One figure is the median of so many starts; and if it has to be quick."""
_PYTHON = (sys.executable, "-c", "pass")
_NOTE = "start to exit; each is the median of {} starts"


def start_up(bench: Bench) -> Iterator[Case]:
    """One page; both figures are of the same runs."""
    times = bench.size(*_STARTS)
    with list_work(bench, 1) as work:
        pairs = cache(partial(_pairs, bench, work, times))
        for name, part in (("wall", "wall"), ("CPU", "cpu")):
            measure = partial(_difference, pairs, part)
            yield Case(f"one page: {name}", "ms", Goal("difference"), measure, _NOTE.format(times))


def _pairs(bench: Bench, work: Work, times: int) -> list[tuple[Run, Run]]:
    ours = partial(typical, times, partial(_page, bench, work))
    python = partial(typical, times, partial(run, _PYTHON))
    return list(in_turns(ours, python, bench.repeat))


def _page(bench: Bench, work: Work) -> Run:
    done = crawl(bench, work.urls)
    records.check(done.pages, work.expected)
    return done.run


def _difference(pairs: Callable[[], list[tuple[Run, Run]]], part: str) -> Measured:
    """Milliseconds."""
    taken = [[1e3 * getattr(side, part) for side in both] for both in pairs()]
    return Measured([Pair(*both) for both in taken])


def help_text(bench: Bench) -> Iterator[Case]:
    def best(command: Sequence[str]) -> float:
        return 1e3 * min(run(command).wall for _ in range(_BEST_OF))

    def measure() -> Measured:
        ours = [PROGRAM, "--help"]
        return Measured(alternate(lambda: best(ours), lambda: best(_PYTHON), bench.repeat))

    yield Case(
        "crawler --help, beside python -c pass", "ms", Goal("ratio", most=3), measure, "best of 5"
    )
