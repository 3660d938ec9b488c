"""``fetch``: what an engine costs more than its library alone, where nothing is parsed."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
from support.nginx import Nginx

from benchmarks import records
from benchmarks.crawls import crawl
from benchmarks.records import Facts
from benchmarks.runs import Bench, Case, Goal, Measured, Refused, Run, alternate, run, slope
from benchmarks.web import write_list, write_urls
from crawler.engines.names import ENGINES

_CONCURRENCY = 64
_PAGE_BYTES = 60_000
_PAGES = (3_000, 300)
"""How many, and how many if it has to be quick."""
_PAGES_FOR_SPEED = (6_000, 1_000)
"""More, because wall time varies more than CPU time."""
_NOTE = "CPU of the process, start-up taken off; both hash each body and write a line for it"
_NOTE_OF_SPEED = "start-up taken off; the bare loop hashes nothing, it writes a line for each body"


class Pages(msgspec.Struct, frozen=True):
    """The same page under many URLs, its SHA-256 and its length."""

    urls: Sequence[str]
    digest: str
    length: int

    def check(self, out: Path, digest: str) -> None:
        records.check(out, dict.fromkeys(self.urls, Facts(digest)))


Way = Callable[[Pages], Run]
"""Fetches all."""


def fetch(bench: Bench) -> Iterator[Case]:
    root = bench.fresh("www")
    root.mkdir()
    (facts,) = write_list(root, 1, _PAGE_BYTES)
    length = (root / "0.html").stat().st_size
    with Nginx(bench.fresh("nginx"), root) as nginx:

        def pages(full: int, quick: int) -> Pages:
            urls = [nginx.url(f"0.html?{n}") for n in range(bench.size(full, quick))]
            return Pages(urls, facts.digest, length)

        for engine in ENGINES:
            ours, bare = (partial(way, bench, engine) for way in (_ours, _bare))
            measure = partial(_cpu, bench, ours, bare, pages(*_PAGES))
            yield Case(engine, "µs/page", Goal("difference", most=60), measure, _NOTE)
        engine = ENGINES[0]
        ours, bare = (partial(way, bench, engine) for way in (_ours, _bare_without_digest))
        measure = partial(_speed, bench, ours, bare, pages(*_PAGES_FOR_SPEED))
        name = f"{engine}, beside a bare loop"
        yield Case(name, "pages/s", Goal("ratio", least=0.45), measure, _NOTE_OF_SPEED)


def _cpu(bench: Bench, ours: Way, bare: Way, pages: Pages) -> Measured:
    def microseconds(way: Way) -> float:
        return 1e6 * _per_page(way, pages, lambda run: run.cpu)

    return Measured(
        alternate(partial(microseconds, ours), partial(microseconds, bare), bench.repeat)
    )


def _speed(bench: Bench, ours: Way, bare: Way, pages: Pages) -> Measured:
    def speed(way: Way) -> float:
        return 1 / _per_page(way, pages, lambda run: run.wall)

    return Measured(alternate(partial(speed, ours), partial(speed, bare), bench.repeat))


def _per_page(way: Way, pages: Pages, seconds: Callable[[Run], float]) -> float:
    """Raises Refused where start-up varied by more than all pages took."""
    one = msgspec.structs.replace(pages, urls=pages.urls[:1])
    small, large = ((len(some.urls), seconds(way(some))) for some in (one, pages))
    each = slope(small, large)
    if each <= 0:
        raise Refused(f"{large[0]:,} pages took no longer than one")
    return each


def _concurrency(engine: str) -> str:
    return str(1 if engine == "sequential" else _CONCURRENCY)


def _ours(bench: Bench, engine: str, pages: Pages) -> Run:
    urls = write_urls(bench.fresh("urls"), pages.urls)
    concurrency = _concurrency(engine)
    done = crawl(bench, urls, "--engine", engine, "--concurrency", concurrency, "--parse", "none")
    pages.check(done.pages, pages.digest)
    return done.run


def _bare(bench: Bench, engine: str, pages: Pages) -> Run:
    taken, out = _library(bench, engine, pages)
    pages.check(out, pages.digest)
    return taken


def _bare_without_digest(bench: Bench, engine: str, pages: Pages) -> Run:
    taken, out = _library(bench, engine, pages, "length")
    pages.check(out, str(pages.length))
    return taken


def _library(bench: Bench, engine: str, pages: Pages, *options: str) -> tuple[Run, Path]:
    """And the file that it wrote."""
    urls = write_urls(bench.fresh("urls"), pages.urls)
    out = bench.fresh("records.jsonl")
    program = [sys.executable, "-P", "-m", "benchmarks.bare_fetch"]
    return run([*program, engine, _concurrency(engine), urls, str(out), *options]), out
