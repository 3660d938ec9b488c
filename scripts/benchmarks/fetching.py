"""``fetch``: CPU a page that an engine costs more than its library alone."""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from support.nginx import Nginx

from benchmarks import records
from benchmarks.crawls import crawl
from benchmarks.records import Facts
from benchmarks.runs import Bench, Case, Goal, Measured, alternate, run, slope
from benchmarks.web import write_list, write_urls
from crawler.engines.names import ENGINES

_CONCURRENCY = 64
_PAGE_BYTES = 60_000
_MOST_US = 60
_NOTE = "CPU of the process, start-up taken off; both hash each body and write a line for it"

Way = Callable[[Bench, str, Mapping[str, Facts]], float]
"""Fetches all and gives the CPU seconds that took."""


def fetch(bench: Bench) -> Iterator[Case]:
    root = bench.fresh("www")
    root.mkdir()
    (facts,) = write_list(root, 1, _PAGE_BYTES)
    with Nginx(bench.fresh("nginx"), root) as nginx:
        urls = [nginx.url(f"0.html?{n}") for n in range(bench.size(3_000, 300))]
        expected = dict.fromkeys(urls, Facts(facts.digest))
        for engine in ENGINES:
            measure = partial(_pairs, bench, engine, expected)
            yield Case(engine, "µs/page", Goal("difference", most=_MOST_US), measure, _NOTE)


def _pairs(bench: Bench, engine: str, expected: Mapping[str, Facts]) -> Measured:
    ours, bare = (partial(_per_page, bench, way, engine, expected) for way in (_ours, _bare))
    return Measured(alternate(ours, bare, bench.repeat))


def _per_page(bench: Bench, way: Way, engine: str, expected: Mapping[str, Facts]) -> float:
    """Microseconds."""
    first = dict(list(expected.items())[:1])
    small, large = ((len(some), way(bench, engine, some)) for some in (first, expected))
    return slope(small, large) * 1e6


def _concurrency(engine: str) -> str:
    return str(1 if engine == "sequential" else _CONCURRENCY)


def _ours(bench: Bench, engine: str, expected: Mapping[str, Facts]) -> float:
    urls = write_urls(bench.fresh("urls"), list(expected))
    concurrency = _concurrency(engine)
    done = crawl(bench, urls, "--engine", engine, "--concurrency", concurrency, "--parse", "none")
    records.check(done.pages, expected)
    return done.run.cpu


def _bare(bench: Bench, engine: str, expected: Mapping[str, Facts]) -> float:
    urls = write_urls(bench.fresh("urls"), list(expected))
    out = bench.fresh("records.jsonl")
    program = [sys.executable, "-P", "-m", "benchmarks.bare_fetch"]
    taken = run([*program, engine, _concurrency(engine), urls, str(out)])
    records.check(out, expected)
    return taken.cpu
