"""``shards``: a crawl in shards beside a plain one of the same work.

On this machine, where both share its cores; and on two workers of Dask, beside a server that makes
everybody wait.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from support import needs
from support.needs import Missing
from support.nginx import Nginx

from benchmarks import records
from benchmarks.crawls import Crawl, crawl
from benchmarks.records import Facts
from benchmarks.runs import Bench, Case, Goal, Measured, alternate
from benchmarks.server import Options, ServerProcess
from benchmarks.throughput import followed
from benchmarks.web import write_list, write_urls
from benchmarks.work import Work, listed
from crawler.distributed.partition import owner

_HOSTS = 48
_LEAST = 0.95
_CONCURRENCY = 64
_IN_TWO = ("--on", "local:2", "--shards", "2", "--concurrency", str(_CONCURRENCY // 2))
_ON_DASK = ("--on", "dask", "--slots", "2", "--shards", "2")
_SLOW_S, _SLOW_CONCURRENCY = 0.02, 16
_NOTE_DASK = (
    f"{_HOSTS} hosts, half of them in each shard; two workers, {_SLOW_CONCURRENCY} requests at once"
    " in all; from the first entry to the last commit"
)
_NOTE = (
    f"{_HOSTS} hosts, half of them in each of two shards on this machine; {_CONCURRENCY} requests"
    " at once in all"
)


def shards(bench: Bench) -> Iterator[Case]:
    faster = Goal("ratio", least=_LEAST)
    with _list(bench) as work:
        yield Case(
            "list", "pages/s", Goal("ratio", least=_LEAST), partial(_both, bench, work), _NOTE
        )
        yield Case("list: CPU", "s", Goal("ratio", most=1.05), partial(_cpu, bench, work), _NOTE)
    with _site(bench) as work:
        yield Case(
            "site", "pages/s", Goal("ratio", least=_LEAST), partial(_both, bench, work), _NOTE
        )
    yield Case("Dask, 20 ms a page", "pages/s", faster, partial(_dask, bench), _NOTE_DASK)


@contextmanager
def _list(bench: Bench) -> Iterator[Work]:
    """Some pages on each of the hosts, in turns. Raises Missing where there is no nginx."""
    root = bench.fresh("www")
    root.mkdir()
    facts = write_list(root, bench.size(1_000, 20), 7_000)
    addresses = _addresses(0, _HOSTS)
    with Nginx(bench.fresh("nginx"), root, addresses) as nginx:
        yield listed(
            bench,
            {
                nginx.url(f"{number}.html", host): each
                for number, each in enumerate(facts)
                for host in addresses
            },
        )


@contextmanager
def _site(bench: Bench) -> Iterator[Work]:
    """The Python manual on each of the hosts. Raises Missing where there is none."""
    index = needs.docs()
    if index is None:
        raise Missing(needs.missing("docs") or "")
    root = Path(index).resolve()
    addresses = _addresses(1, bench.size(_HOSTS, 4))
    with Nginx(bench.fresh("nginx"), root, addresses) as nginx:
        yield followed(bench, [nginx.url("index.html", each) for each in addresses], root)


def _addresses(net: int, hosts: int) -> list[str]:
    """As many for either shard: with ten thousand hosts it would be so by itself."""
    every = [f"127.7.{net}.{number + 1}" for number in range(250)]
    halves = [[each for each in every if owner(f"http://{each}/", 2) == shard] for shard in (0, 1)]
    return [each for pair in zip(*halves, strict=False) for each in pair][:hosts]


def _crawled(bench: Bench, work: Work, *options: str) -> Crawl:
    """With its output checked, which is in one file or in one of each shard."""
    done = crawl(bench, work.urls, *work.options, *options)
    _check(bench, done.pages.parent, work.expected)
    return done


def _check(bench: Bench, run: Path, expected: Mapping[str, Facts]) -> None:
    pages = [*run.glob("pages.jsonl"), *run.glob("shards/*/pages.jsonl")]
    whole = bench.fresh("pages.jsonl")
    whole.write_bytes(b"".join(each.read_bytes() for each in pages))
    records.check(whole, expected)


def _both(bench: Bench, work: Work) -> Measured:
    def speed(*options: str) -> float:
        return work.pages / _crawled(bench, work, *options).run.wall

    plain = partial(speed, "--concurrency", str(_CONCURRENCY))
    return Measured(alternate(partial(speed, *_IN_TWO), plain, bench.repeat))


def _cpu(bench: Bench, work: Work) -> Measured:
    def cpu(*options: str) -> float:
        return _crawled(bench, work, *options).run.cpu

    plain = partial(cpu, "--concurrency", str(_CONCURRENCY))
    return Measured(alternate(partial(cpu, *_IN_TWO), plain, bench.repeat))


def _dask(bench: Bench) -> Measured:
    """Pages a second between the first entry and the last commit: to start Dask is no crawling."""
    addresses = tuple(_addresses(2, _HOSTS))
    with ServerProcess(Options(addresses=addresses, latency=_SLOW_S, size=7_000)) as server:
        urls = server.urls(bench.size(300, 10))
        file = write_urls(bench.fresh("urls"), urls)

        def speed(concurrency: int, *options: str) -> float:
            slots = ("--concurrency", str(concurrency))
            done = crawl(bench, file, *slots, *options, pages=len(urls))
            return len(urls) / done.report.wall_s

        ours = partial(speed, _SLOW_CONCURRENCY // 2, *_ON_DASK)
        return Measured(alternate(ours, partial(speed, _SLOW_CONCURRENCY), bench.repeat))
