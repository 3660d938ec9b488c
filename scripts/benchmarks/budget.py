"""``budget``: each part of the fetch thread's time, beside a truth made for it.

Each case makes one state happen and nothing else for long; all must add up.
"""

import math
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from benchmarks import burn
from benchmarks.crawls import Crawl, crawl
from benchmarks.runs import Bench, Case, Goal, Measured, Pair, Refused
from benchmarks.server import Options, ServerProcess, Truth
from benchmarks.web import write_urls
from crawler.metrics.report import Report

_NEAR = Goal("ratio", least=0.9, most=1.1)
_LATENCY = _DELAY = _TRICKLE = 0.050
_SIP_BYTES = 64 * 1024
_SIP_EVERY = 0.040

Make = Callable[[Bench, int], tuple[Crawl, float]]
"""Runs a crawl of so many pages, and gives how long the state truly held, in seconds."""


class State(msgspec.Struct, frozen=True):
    """A part of the budget, how it is made, with how many pages (``quick``: if it has to be)."""

    name: str
    make: Make
    pages: int
    quick: int
    note: str


def budget(bench: Bench) -> Iterator[Case]:
    for state in STATES:
        measure = partial(_measure, bench, state)
        yield Case(state.name, "s", _NEAR, measure, state.note)


def _measure(bench: Bench, state: State) -> Measured:
    pairs = []
    for _ in range(bench.repeat):
        done, truth = state.make(bench, bench.size(state.pages, state.quick))
        _check_sums(done.report)
        pairs.append(Pair(getattr(done.report.budget, state.name), truth))
    return Measured(pairs)


def _check_sums(report: Report) -> None:
    """Raises Refused unless the budget adds up to the wall time, and the slots to theirs."""
    parts = sum(msgspec.structs.astuple(report.budget))
    if not math.isclose(parts, report.wall_s, rel_tol=1e-6):
        raise Refused(f"the budget adds up to {parts} s of {report.wall_s} s")
    slots, wanted = sum(msgspec.structs.astuple(report.slots)), report.concurrency * report.wall_s
    if not math.isclose(slots, wanted, rel_tol=1e-6):
        raise Refused(f"the slots add up to {slots} s of {wanted} s")


def _crawl(
    bench: Bench, options: Options, pages: int, arguments: Sequence[str]
) -> tuple[Crawl, Truth]:
    with ServerProcess(options) as server:
        urls = write_urls(bench.fresh("urls"), server.urls(pages))
        return crawl(bench, urls, *arguments, pages=pages), server.truth()


def waiting(bench: Bench, pages: int) -> tuple[Crawl, float]:
    done, truth = _crawl(bench, Options(latency=_LATENCY), pages, ("--concurrency", "1"))
    return done, truth.answering_s


def politeness(bench: Bench, pages: int) -> tuple[Crawl, float]:
    arguments = ("--per-host", "1", "--delay", str(_DELAY))
    done, truth = _crawl(bench, Options(), pages, arguments)
    return done, (truth.requests - 1) * _DELAY


def computing(bench: Bench, pages: int) -> tuple[Crawl, float]:
    arguments = ("--parse", "inline", "--parser", "benchmarks.burn:long")
    done, _ = _crawl(bench, Options(), pages, arguments)
    return done, pages * burn.LONG


def starved(bench: Bench, pages: int) -> tuple[Crawl, float]:
    """The first lines wait for the crawler, so its first request is when it began."""
    with ServerProcess(Options()) as server:
        urls = server.urls(pages)

        def trickle(process: "subprocess.Popen[bytes]") -> None:
            assert process.stdin is not None
            with process.stdin as pipe:
                for url in urls:
                    pipe.write(f"{url}\n".encode())
                    pipe.flush()
                    time.sleep(_TRICKLE)

        done = crawl(bench, "-", pages=pages, stdin=subprocess.PIPE, talk=trickle)
        return done, server.truth().asking_s


def backpressure(bench: Bench, pages: int) -> tuple[Crawl, float]:
    """Records with the whole page in them, into a pipe that somebody reads in sips."""
    slept = 0.0

    def sip(process: "subprocess.Popen[bytes]") -> None:
        nonlocal slept
        assert process.stdout is not None
        with process.stdout as pipe:
            while pipe.read(_SIP_BYTES):
                started = time.monotonic()
                time.sleep(_SIP_EVERY)
                slept += time.monotonic() - started

    with ServerProcess(Options(size=55_000)) as server:
        urls = write_urls(bench.fresh("urls"), server.urls(pages))
        arguments = (urls, "--out", "-", "--html", "--memory", "1MB")
        done = crawl(bench, *arguments, pages=pages, stdout=subprocess.PIPE, talk=sip)
    return done, slept


STATES = (
    State("waiting", waiting, 60, 20, "one at a time, 50 ms an answer"),
    State("politeness", politeness, 60, 20, "50 ms between requests to the one host"),
    State("computing", computing, 150, 30, "parsed inline, burning 20 ms of CPU a page"),
    State("starved", starved, 60, 20, "a line on standard input each 50 ms"),
    State("backpressure", backpressure, 150, 60, "standard output read at 1.6 MB/s"),
)
