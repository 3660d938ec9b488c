"""``mix``: pages of all sizes, as the web has them, beside a bare loop and a C program."""

from collections.abc import Iterator
from functools import partial

from benchmarks.beside import beside_bare_loop, beside_c
from benchmarks.runs import Bench, Case
from benchmarks.web import write_mix
from benchmarks.work import served

_PAGES = (2_000, 200)
"""How many, and how many if it has to be quick."""


def mix(bench: Bench) -> Iterator[Case]:
    with served(bench, partial(write_mix, pages=bench.size(*_PAGES))) as work:
        yield beside_bare_loop(bench, work)
        yield beside_c(bench, work)
