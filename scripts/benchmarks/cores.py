"""``cores``: the list on one core, on two and on all, beside a bare loop and a C program."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from benchmarks.beside import BESIDE_C, beside_bare_loop, beside_c
from benchmarks.runs import Bench, Case, Measured
from benchmarks.throughput import LIST_PAGES, list_work


class Share(msgspec.Struct, frozen=True):
    """The cores of the crawl with its workers, and of the server."""

    crawl: frozenset[int]
    server: frozenset[int]

    def __str__(self) -> str:
        crawl, server = len(self.crawl), len(self.server)
        if self.crawl & self.server:
            return f"the server shares all {server} with the crawl"
        others = "the other" if server == 1 else f"{server} others"
        return f"the crawl on {crawl}, the server on {others}"


def shares(cores: frozenset[int]) -> Iterator[Share]:
    """For one core, two and all of ``cores``: the server has the others, or all if none is left."""
    ordered = sorted(cores)
    for number in sorted({1, 2, len(cores)}):
        if number <= len(cores):
            ours = frozenset(ordered[:number])
            yield Share(ours, cores - ours or cores)


@contextmanager
def only_on(cores: frozenset[int]) -> Iterator[None]:
    """The processes that this thread starts run on ``cores``, and so do those that they start."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cores(bench: Bench) -> Iterator[Case]:
    for share in shares(frozenset(os.sched_getaffinity(0))):
        with ExitStack() as stack:
            with only_on(share.server):
                work = stack.enter_context(list_work(bench, bench.size(*LIST_PAGES)))
            number = len(share.crawl)
            name = f"{number} core{'s' if number > 1 else ''}"
            yield _on(share, beside_bare_loop(bench, work, name=f"{name}, beside a bare loop"))
            yield _on(share, beside_c(bench, work, name=f"{name}, {BESIDE_C}"))


def _on(share: Share, case: Case) -> Case:
    def measure() -> Measured:
        with only_on(share.crawl):
            return case.measure()

    return msgspec.structs.replace(case, measure=measure, note=f"{share}; {case.note}")
