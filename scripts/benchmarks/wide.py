"""``wide``: lists of many hosts with a few pages each, in turns, as an ordinary list has them.

Over TLS, ``curl`` beside ``aiohttp``; and by name beside by address, for both.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import msgspec
import trustme
from support.nginx import Nginx

from benchmarks import records
from benchmarks.crawls import crawl
from benchmarks.name_server import NameServer, name_of
from benchmarks.records import Facts
from benchmarks.runs import Bench, Case, Goal, Measured, Pair, alternate, in_turns, run
from benchmarks.web import write_list, write_urls

_PAGE_BYTES = 20_000
_HOSTS_OF_CERTIFICATE = 25
_PAIRS = 5
_MOST_CONNECTIONS = 1.2
_LOOKUP_S = 0.02
_BY_NAME = (2_000, 256)
_BY_NAME_QUICK = (100, 32)
_LEAST_BY_NAME = 0.95


class Width(msgspec.Struct, frozen=True):
    """``hosts`` with ``pages`` each, ``concurrency`` requests at once; the ratio to be reached."""

    hosts: int
    pages: int
    concurrency: int
    least: float

    @property
    def name(self) -> str:
        return f"{self.hosts:,} TLS hosts × {self.pages}, {self.concurrency} at once"


_WIDTHS = (Width(200, 16, 64, 1.5), Width(1_500, 4, 300, 2.0))
_WIDTHS_QUICK = (Width(30, 4, 16, 1.5),)


class Visit(msgspec.Struct, frozen=True):
    """A crawl of a list: pages a second, and how many connections the server saw for each host."""

    speed: float
    connections: float


def wide(bench: Bench) -> Iterator[Case]:
    for width in _WIDTHS_QUICK if bench.quick else _WIDTHS:
        with _tls_hosts(bench, width) as visit:
            yield from _over_tls(bench, width, visit)
    yield from _by_name(bench, *(_BY_NAME_QUICK if bench.quick else _BY_NAME))


def _over_tls(bench: Bench, width: Width, visit: Callable[[str], Visit]) -> Iterator[Case]:
    times = bench.repeat if bench.quick else max(bench.repeat, _PAIRS)

    @cache
    def pairs() -> list[tuple[Visit, Visit]]:
        return list(in_turns(partial(visit, "curl"), partial(visit, "aiohttp"), times))

    def speeds() -> Measured:
        return Measured([Pair(ours.speed, theirs.speed) for ours, theirs in pairs()])

    def connections(number: int) -> Measured:
        return Measured([Pair(pair[number].connections) for pair in pairs()])

    yield Case(f"{width.name}: curl beside aiohttp", "pages/s", _least(width.least), speeds)
    for number, engine in enumerate(("curl", "aiohttp")):
        most = Goal("value", most=_MOST_CONNECTIONS)
        yield Case(f"{width.name}: {engine}", "a host", most, partial(connections, number))


def _least(ratio: float) -> Goal:
    return Goal("ratio", least=ratio)


@contextmanager
def _tls_hosts(bench: Bench, width: Width) -> Iterator[Callable[[str], Visit]]:
    """Returns what crawls all pages with an engine. Raises Missing where there is no nginx."""
    root, addresses = bench.fresh("www"), _addresses(width.hosts)
    root.mkdir()
    facts = write_list(root, width.pages, _PAGE_BYTES)
    ca_file, certificates = _certificates(bench.fresh("certificates"), addresses)
    with Nginx(bench.fresh("nginx"), root, certificates=certificates, counts=True) as nginx:
        expected = _expected(nginx.url, addresses, facts)
        urls = write_urls(bench.fresh("urls"), list(expected))

        def visit(engine: str) -> Visit:
            done = crawl(
                bench,
                *(urls, "--engine", engine, "--concurrency", str(width.concurrency)),
                env={"SSL_CERT_FILE": str(ca_file)},
            )
            records.check(done.pages, expected)
            connections = nginx.take_connections().total() / width.hosts
            return Visit(len(expected) / done.run.wall, connections)

        yield visit


def _certificates(folder: Path, addresses: Sequence[str]) -> tuple[Path, Mapping[str, Path]]:
    """The root, and a certificate for each address; a few share one, which stays small."""
    folder.mkdir()
    authority, found = trustme.CA(), {}
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for start in range(0, len(addresses), _HOSTS_OF_CERTIFICATE):
        some = addresses[start : start + _HOSTS_OF_CERTIFICATE]
        path = folder / f"{start}.pem"
        authority.issue_cert(*some).private_key_and_cert_chain_pem.write_to_path(str(path))
        found |= dict.fromkeys(some, path)
    return folder / "ca.pem", found


def _addresses(hosts: int) -> list[str]:
    return [f"127.2.{number // 250}.{number % 250 + 1}" for number in range(hosts)]


def _expected(
    url: Callable[[str, str], str], hosts: Sequence[str], facts: Sequence[Facts]
) -> Mapping[str, Facts]:
    """By URL: a page of each host, then the next page of each."""
    return {
        url(f"{number}.html", host): each for number, each in enumerate(facts) for host in hosts
    }


def _by_name(bench: Bench, hosts: int, concurrency: int) -> Iterator[Case]:
    """One page of each name, so that every page needs a look-up."""
    root, addresses = bench.fresh("www"), _addresses(hosts)
    root.mkdir()
    facts = write_list(root, 1, _PAGE_BYTES)
    names = [name_of(address) for address in addresses]
    with Nginx(bench.fresh("nginx"), root, ("0.0.0.0",)) as nginx, NameServer(_LOOKUP_S) as server:

        def speed(places: Sequence[str], engine: str) -> float:
            expected = _expected(nginx.url, places, facts)
            urls, directory = write_urls(bench.fresh("urls"), list(expected)), bench.fresh("run")
            arguments = (str(server.port), engine, str(concurrency), urls, str(directory))
            taken = run([sys.executable, "-P", "-m", "benchmarks.named_crawl", *arguments])
            records.check(directory / "pages.jsonl", expected)
            return hosts / taken.wall

        def measure(engine: str) -> Measured:
            by_name, by_address = partial(speed, names, engine), partial(speed, addresses, engine)
            times = bench.repeat if bench.quick else max(bench.repeat, _PAIRS)
            return Measured(alternate(by_name, by_address, times))

        for engine in ("curl", "aiohttp"):
            title = f"{hosts:,} names, {concurrency} at once, beside addresses: {engine}"
            yield Case(title, "pages/s", _least(_LEAST_BY_NAME), partial(measure, engine))
