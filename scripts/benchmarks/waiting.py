"""``iowait``: the I/O wait that is reported, beside what the server's kernel knows."""

import functools
from collections.abc import Callable, Iterator
from functools import partial

from support.waits import ENGINES_WITH, PARTS, WaitFigures, measure

from benchmarks.runs import Bench, Case, Goal, Measured, Pair, Refused
from crawler.engines.names import ENGINES

_PAGES = {1: (40, 10), 64: (640, 128), 256: (1_280, 256)}
"""By concurrency: how many, and how many if it has to be quick."""
_OFF = 0.05
_OFF_OF_STREAMS = 0.15
"""HTTP/2: of a connection with many streams, the kernel knows less; reports state this or more."""


def iowait(bench: Bench) -> Iterator[Case]:
    """Parsing inline, 2 ms of computing a page: our own delay must not show up as waiting."""
    for part in PARTS:
        off = _OFF_OF_STREAMS if part == "http2" else _OFF
        for engine in ENGINES_WITH.get(part, ENGINES):
            for concurrency, sizes in _PAGES.items():
                if concurrency > 1 and engine == "sequential":
                    continue
                runs = functools.cache(
                    partial(_runs, bench, part, engine, concurrency, bench.size(*sizes))
                )
                name = f"{part}, {engine}, {concurrency} at a time"
                yield Case(name, "s", _near(off), partial(_total, runs))
                if concurrency == 1 and part == "kept":
                    goal = Goal("ratio", least=0.9, most=1.1)
                    yield Case(f"{name}: exposed", "s", goal, partial(_exposed, runs))


def _near(off: float) -> Goal:
    return Goal("ratio", least=round(1 - off, 2), most=round(1 + off, 2), each=True)


def _runs(bench: Bench, part: str, engine: str, concurrency: int, pages: int) -> list[WaitFigures]:
    return [_run(bench, part, engine, concurrency, pages) for _ in range(bench.repeat)]


def _run(bench: Bench, part: str, engine: str, concurrency: int, pages: int) -> WaitFigures:
    folder = bench.fresh("crawl")
    folder.mkdir()
    try:
        return measure(folder, part, engine, concurrency, pages)
    except AssertionError as failed:
        raise Refused(f"not every page was done: {failed}") from failed


def _total(runs: Callable[[], list[WaitFigures]]) -> Measured:
    seen = runs()
    last = seen[-1]
    naive = last.reported.naive_sum_s / last.true
    pairs = [Pair(each.reported.total_s, each.true) for each in seen]
    return Measured(pairs, f"{last.reported.method}; sum of latencies {naive:.2f} times the truth")


def _exposed(runs: Callable[[], list[WaitFigures]]) -> Measured:
    return Measured([Pair(each.reported.exposed_s, each.true) for each in runs()])
