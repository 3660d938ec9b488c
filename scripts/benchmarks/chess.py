"""``chess``: one player at 24 boards, beside the same player at one board after the other."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import records
from benchmarks.auto import auto_beside_the_best
from benchmarks.crawls import crawl
from benchmarks.records import Facts
from benchmarks.runs import Bench, Case, Goal, Measured, alternate, extrapolate
from benchmarks.server import Options, ServerProcess, page
from benchmarks.web import write_urls
from benchmarks.work import Work

MOVES = (30, 10)
"""On each board, and if it has to be quick."""
_OPPONENTS = tuple(f"127.24.0.{n}" for n in range(1, 25))
_THINKING = 0.055
_POLITE = ("--per-host", "1", "--delay", "0")
_NOTE = (
    "24 hosts, 55 ms an answer, one request a host at a time;"
    " one after the other was measured on {few} and on {more} pages, and scaled to {all}"
)


@contextmanager
def chess_work(bench: Bench, moves: int) -> Iterator[Work]:
    """``moves`` pages of each opponent."""
    options = Options(addresses=_OPPONENTS, latency=_THINKING)
    facts = Facts(hashlib.sha256(page(options).body).hexdigest(), links=0)
    with ServerProcess(options) as server:
        urls = server.urls(moves)
        yield Work(write_urls(bench.fresh("urls"), urls), dict.fromkeys(urls, facts), _POLITE)


def chess(bench: Bench) -> Iterator[Case]:
    boards = len(_OPPONENTS)
    moves, few, more = bench.size(*MOVES), 1, bench.size(4, 2)

    def side_by_side() -> float:
        return moves * boards / _wall(bench, moves)

    def one_after_the_other() -> float:
        alone = ("--engine", "sequential")
        small, large = ((n * boards, _wall(bench, n, *alone)) for n in (few, more))
        return moves * boards / extrapolate(small, large, moves * boards)

    def measure() -> Measured:
        return Measured(alternate(side_by_side, one_after_the_other, bench.repeat))

    note = _NOTE.format(few=few * boards, more=more * boards, all=moves * boards)
    yield Case("24 boards", "pages/s", Goal("ratio", least=20), measure, note)

    def with_engine(engine: str) -> float:
        return _wall(bench, moves, "--engine", engine)

    yield auto_beside_the_best(bench, with_engine)


def _wall(bench: Bench, moves: int, *options: str) -> float:
    """Seconds."""
    with chess_work(bench, moves) as work:
        done = crawl(bench, work.urls, *work.options, *options)
        records.check(done.pages, work.expected)
        return done.run.wall
