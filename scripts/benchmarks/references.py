"""What others need for the same work: each takes it, checks what came out, and gives seconds."""

import sys
from pathlib import Path

from benchmarks import records
from benchmarks.c_program import c_program
from benchmarks.records import Facts
from benchmarks.runs import Bench, run
from benchmarks.scrapy_env import scrapy_python
from benchmarks.work import Work

CONCURRENCY = 64
"""Requests at once: the default of the crawler, and what the references use."""


def bare_loop(bench: Bench, work: Work) -> float:
    seconds, out = bare_loop_unchecked(bench, work)
    records.check(out, work.expected)
    return seconds


def bare_loop_unchecked(bench: Bench, work: Work) -> tuple[float, Path]:
    """Seconds, and the file that it wrote."""
    command = (sys.executable, "-P", "-m", "benchmarks.bare_loop")
    return _taken(bench, command, work)


def scrapy(bench: Bench, work: Work) -> float:
    """Links are counted for a list; where they are followed, the pages show them.

    Raises Missing where Scrapy cannot be installed.
    """
    spiders = str(Path(__file__).with_name("scrapy_spiders.py"))
    seconds, out = _taken(bench, (scrapy_python(), spiders), work)
    expected = work.expected
    if work.follow:
        expected = {url: Facts(facts.digest) for url, facts in expected.items()}
    records.check(out, expected)
    return seconds


def in_c(bench: Bench, work: Work) -> float:
    """It follows no links: ``work`` must be a list. Raises Missing where it cannot be built."""
    seconds, out = _taken(bench, (c_program(), str(CONCURRENCY)), work)
    records.check(out, work.expected)
    return seconds


def _taken(bench: Bench, command: tuple[str, ...], work: Work) -> tuple[float, Path]:
    out = bench.fresh("records.jsonl")
    follow = ("follow",) if work.follow else ()
    return run([*command, work.urls, str(out), *follow]).wall, out
