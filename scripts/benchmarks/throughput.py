"""``list`` and ``site``: pages a second, all told, beside a bare loop and beside Scrapy."""

import hashlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from support import needs
from support.needs import Missing
from support.nginx import Nginx

from benchmarks import records
from benchmarks.auto import auto_beside_the_best
from benchmarks.crawls import crawl
from benchmarks.records import Facts
from benchmarks.runs import Bench, Case, Goal, Measured, alternate, extrapolate, run
from benchmarks.scrapy_env import scrapy_python
from benchmarks.web import write_list, write_urls

LIST_PAGES = (10_000, 1_000)
"""How many, and how many if it has to be quick."""
_LIST_BYTES = 7_000
_BEGIN_TO_END = "start to exit"
_SCALED = "Scrapy was run on {part:,} pages and on 1, and scaled to {whole:,}"


class Work(msgspec.Struct, frozen=True):
    """A file of URLs to be crawled, with these options of ``crawler crawl``; what must come out."""

    urls: str
    expected: Mapping[str, Facts]
    options: tuple[str, ...] = ()

    @property
    def pages(self) -> int:
        return len(self.expected)

    @property
    def follow(self) -> bool:
        return "--follow" in self.options


@contextmanager
def list_work(bench: Bench, pages: int) -> Iterator[Work]:
    """``pages`` made-up pages, each of them listed. Raises Missing where there is no nginx."""
    root = bench.fresh("www")
    root.mkdir()
    facts = write_list(root, pages, _LIST_BYTES)
    with Nginx(bench.fresh("nginx"), root) as nginx:
        yield _listed(bench, {nginx.url(f"{n}.html"): each for n, each in enumerate(facts)})


def list_of_urls(bench: Bench) -> Iterator[Case]:
    with list_work(bench, bench.size(*LIST_PAGES)) as whole:
        part = _listed(bench, dict(list(whole.expected.items())[: whole.pages // 10]))
        yield _beside_bare_loop(bench, whole, 0.6)
        yield auto_beside_the_best(bench, lambda engine: _ours(bench, whole, engine))
        yield _beside_scrapy(bench, whole, part, 15)


def _listed(bench: Bench, expected: Mapping[str, Facts]) -> Work:
    return Work(write_urls(bench.fresh("urls"), list(expected)), expected)


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
        yield _followed(bench, seeds, root)


def site(bench: Bench) -> Iterator[Case]:
    with site_work(bench) as whole:
        yield _beside_bare_loop(bench, whole, 0.75)
        yield auto_beside_the_best(bench, lambda engine: _ours(bench, whole, engine))
        yield _beside_scrapy(bench, whole, _of_one_address(bench, whole), 50)


def _followed(bench: Bench, seeds: list[str], root: Path) -> Work:
    """What can be found from ``seeds``: as the bare loop does, each held against the file."""
    work = Work(write_urls(bench.fresh("urls"), seeds), {}, ("--follow",))
    found = records.read(_bare_loop(bench, work)[1])
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


def _beside_bare_loop(bench: Bench, work: Work, least: float) -> Case:
    def ours() -> float:
        return work.pages / _ours(bench, work)

    def bare() -> float:
        wall, out = _bare_loop(bench, work)
        records.check(out, work.expected)
        return work.pages / wall

    return Case(
        "beside a bare loop",
        "pages/s",
        Goal("ratio", least=least),
        lambda: Measured(alternate(ours, bare, bench.repeat)),
        _BEGIN_TO_END,
    )


def _beside_scrapy(bench: Bench, whole: Work, part: Work, least: float) -> Case:
    url, facts = next(iter(part.expected.items()))
    alone = _listed(bench, {url: facts})

    def scrapy() -> float:
        points = [(work.pages, _scrapy(bench, work)) for work in (alone, part)]
        return whole.pages / extrapolate(points[0], points[1], whole.pages)

    def measure() -> Measured:
        def ours() -> float:
            return whole.pages / _ours(bench, whole)

        return Measured(alternate(ours, scrapy, bench.repeat))

    note = _SCALED.format(part=part.pages, whole=whole.pages)
    return Case("beside Scrapy", "pages/s", Goal("ratio", least=least), measure, note)


def _ours(bench: Bench, work: Work, engine: str = "curl") -> float:
    """Seconds."""
    done = crawl(bench, work.urls, "--engine", engine, *work.options)
    records.check(done.pages, work.expected)
    return done.run.wall


def _bare_loop(bench: Bench, work: Work) -> tuple[float, Path]:
    """Seconds, and the file it wrote, unchecked."""
    command = (sys.executable, "-P", "-m", "benchmarks.bare_loop")
    return _reference(bench, command, work)


def _scrapy(bench: Bench, work: Work) -> float:
    """Seconds. Links are counted for a list; where they are followed, the pages show them."""
    spiders = str(Path(__file__).with_name("scrapy_spiders.py"))
    wall, out = _reference(bench, (scrapy_python(), spiders), work)
    expected = work.expected
    if work.follow:
        expected = {url: Facts(facts.digest) for url, facts in expected.items()}
    records.check(out, expected)
    return wall


def _reference(bench: Bench, command: tuple[str, ...], work: Work) -> tuple[float, Path]:
    out = bench.fresh("records.jsonl")
    follow = ("follow",) if work.follow else ()
    return run([*command, work.urls, str(out), *follow]).wall, out
