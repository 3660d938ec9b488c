"""``iowait`` and ``tls``: the I/O wait that is reported, beside what the server knows."""

import functools
from collections.abc import Callable, Iterator
from functools import partial

import trustme

from benchmarks.crawls import Crawl, crawl
from benchmarks.runs import Bench, Case, Goal, Measured, Pair
from benchmarks.server import Options, ServerProcess, Truth
from benchmarks.web import write_urls
from crawler.engines.names import ENGINES

Seen = tuple[Crawl, Truth]
_LATENCY = 0.050
_PAGES = {1: (60, 20), 64: (1_280, 256), 256: (2_560, 512)}
"""By concurrency: how many, and how many if it has to be quick."""
_TLS_PAGES = {1: (40, 10), 16: (480, 96)}
"""Not more at a time: the server computes in a handshake, and cannot tell how long they queued."""


def iowait(bench: Bench) -> Iterator[Case]:
    """Inline, with 2 ms of computing a page: our own delay must not show up as waiting."""
    options = Options(latency=_LATENCY, size=55_000)
    computing = ("--parse", "inline", "--parser", "benchmarks.burn:short")
    for engine, concurrency, pages in _matrix(bench, _PAGES):
        runs = functools.cache(
            partial(_runs, bench, options, engine, concurrency, pages, computing)
        )
        name, off = f"{engine}, {concurrency} at a time", 0.15 if concurrency == 256 else 0.10
        yield Case(name, "s", _near(off), partial(_io_wait, runs, _answering))
        if concurrency == 1:
            yield Case(f"{name}: exposed", "s", _near(0.10), partial(_exposed, runs))


def tls(bench: Bench) -> Iterator[Case]:
    """A fresh connection each, the server taking 50 ms in the handshake and 50 for the answer."""
    authority = trustme.CA()
    certificate, trusted = bench.fresh("server.pem"), bench.fresh("ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.cert_pem.write_to_path(trusted)
    options = Options(
        latency=_LATENCY,
        size=8_000,
        certificate=str(certificate),
        handshake_delay=_LATENCY,
        close=True,
    )
    env = {"SSL_CERT_FILE": str(trusted)}
    for engine, concurrency, pages in _matrix(bench, _TLS_PAGES):
        runs = partial(
            _runs, bench, options, engine, concurrency, pages, ("--parse", "inline"), env
        )
        name = f"{engine}, {concurrency} at a time"
        yield Case(name, "s", _near(0.10), partial(_io_wait, runs, _with_handshakes))


def _matrix(bench: Bench, pages: dict[int, tuple[int, int]]) -> Iterator[tuple[str, int, int]]:
    for engine in ENGINES:
        for concurrency, sizes in pages.items():
            if concurrency == 1 or engine != "sequential":
                yield engine, concurrency, bench.size(*sizes)


def _near(off: float) -> Goal:
    return Goal("ratio", least=round(1 - off, 2), most=round(1 + off, 2))


def _runs(
    bench: Bench,
    options: Options,
    engine: str,
    concurrency: int,
    pages: int,
    arguments: tuple[str, ...],
    env: dict[str, str] | None = None,
) -> list[Seen]:
    more = ("--engine", engine, "--concurrency", str(concurrency), *arguments)
    return [_run(bench, options, pages, more, env) for _ in range(bench.repeat)]


def _run(
    bench: Bench,
    options: Options,
    pages: int,
    arguments: tuple[str, ...],
    env: dict[str, str] | None,
) -> Seen:
    with ServerProcess(options) as server:
        urls = write_urls(bench.fresh("urls"), server.urls(pages))
        return crawl(bench, urls, *arguments, pages=pages, env=env), server.truth()


def _answering(truth: Truth) -> float:
    return truth.answering_s


def _with_handshakes(truth: Truth) -> float:
    return truth.answering_s + truth.connections * _LATENCY


def _io_wait(runs: Callable[[], list[Seen]], true: Callable[[Truth], float]) -> Measured:
    seen = runs()
    pairs = [Pair(done.report.io_wait.total_s, true(truth)) for done, truth in seen]
    done, truth = seen[-1]
    naive = done.report.io_wait.naive_sum_s
    return Measured(
        pairs, f"sum of latencies {naive:.3g} s, {naive / true(truth):.2f} times the truth"
    )


def _exposed(runs: Callable[[], list[Seen]]) -> Measured:
    return Measured([Pair(done.report.budget.waiting, truth.answering_s) for done, truth in runs()])
