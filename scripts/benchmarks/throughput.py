"""``list`` and ``site``: pages a second, all told, beside a bare loop, Scrapy and a C program."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
from support import needs
from support.needs import Missing
from support.nginx import Nginx

from benchmarks import records, references
from benchmarks.auto import auto_beside_the_best
from benchmarks.beside import beside_bare_loop, beside_c, crawled, fastest_stage, speeds
from benchmarks.records import Facts
from benchmarks.runs import Bench, Case, Goal, Measured, extrapolate
from benchmarks.web import write_list, write_urls
from benchmarks.work import Work, listed, served

LIST_PAGES = (10_000, 1_000)
"""How many, and how many if it has to be quick."""
_LIST_BYTES = 7_000
_SCALED = "Scrapy was run on {part:,} pages and on 1, and scaled to {whole:,}"
_OF_A_SITE = "it has the list of all pages, and follows no link"


@contextmanager
def list_work(bench: Bench, pages: int) -> Iterator[Work]:
    """``pages`` made-up pages, each of them listed. Raises Missing where there is no nginx."""
    with served(bench, partial(write_list, pages=pages, size=_LIST_BYTES)) as work:
        yield work


def list_of_urls(bench: Bench) -> Iterator[Case]:
    with list_work(bench, bench.size(*LIST_PAGES)) as whole:
        part = listed(bench, dict(list(whole.expected.items())[: whole.pages // 10]))
        yield beside_bare_loop(bench, whole, 0.6)
        yield fastest_stage(bench, whole, 0.68)
        yield auto_beside_the_best(bench, lambda engine: crawled(bench, whole, "--engine", engine))
        yield _beside_scrapy(bench, whole, part, 15)
        yield beside_c(bench, whole)


@contextmanager
def site_work(bench: Bench) -> Iterator[Work]:
    """The Python manual, ten times over: on ten addresses. Raises Missing where there is none."""
    index = needs.docs()
    if index is None:
        raise Missing(needs.missing("docs") or "")
    root = Path(index).resolve()
    addresses = [f"127.0.9.{n + 1}" for n in range(bench.size(10, 2))]
    with Nginx(bench.fresh("nginx"), root, addresses) as nginx:
        seeds = [nginx.url("index.html", address) for address in addresses]
        yield followed(bench, seeds, root)


def site(bench: Bench) -> Iterator[Case]:
    with site_work(bench) as whole:
        yield beside_bare_loop(bench, whole, 1)
        yield auto_beside_the_best(bench, lambda engine: crawled(bench, whole, "--engine", engine))
        yield _beside_scrapy(bench, whole, _of_one_address(bench, whole), 50)
        yield beside_c(bench, whole, _OF_A_SITE)


def followed(bench: Bench, seeds: list[str], root: Path) -> Work:
    """What can be found from ``seeds``: as the bare loop does, each held against the file."""
    work = Work(write_urls(bench.fresh("urls"), seeds), {}, ("--follow",))
    found = records.read(references.bare_loop_unchecked(bench, work)[1])
    expected = {each.url: Facts(_digest(root, each.url), len(each.links)) for each in found}
    return msgspec.structs.replace(work, expected=expected)


def _of_one_address(bench: Bench, whole: Work) -> Work:
    """The pages of a site link to no other address."""
    seed = Path(whole.urls).read_text().split()[0]
    address = seed.removesuffix("index.html")
    expected = {url: facts for url, facts in whole.expected.items() if url.startswith(address)}
    return Work(write_urls(bench.fresh("urls"), [seed]), expected, whole.options)


def _digest(root: Path, url: str) -> str:
    path = url.split("/", 3)[3].partition("?")[0]
    return hashlib.sha256((root / path).read_bytes()).hexdigest()


def _beside_scrapy(bench: Bench, whole: Work, part: Work, least: float) -> Case:
    url, facts = next(iter(part.expected.items()))
    alone = listed(bench, {url: facts})

    def scrapy() -> float:
        points = [(work.pages, references.scrapy(bench, work)) for work in (alone, part)]
        return extrapolate(points[0], points[1], whole.pages)

    def measure() -> Measured:
        return speeds(bench, whole.pages, lambda: crawled(bench, whole), scrapy)

    note = _SCALED.format(part=part.pages, whole=whole.pages)
    return Case("beside Scrapy", "pages/s", Goal("ratio", least=least), measure, note)
