"""``chess``: one player at 24 boards, beside the same player at one board after the other."""

from collections.abc import Iterator

from benchmarks.crawls import crawl
from benchmarks.runs import Bench, Case, Goal, Measured, Pair, extrapolate
from benchmarks.server import Options, ServerProcess
from benchmarks.web import write_urls

_OPPONENTS = tuple(f"127.24.0.{n}" for n in range(1, 25))
_THINKING = 0.055
_POLITE = ("--per-host", "1", "--delay", "0")
_NOTE = (
    "24 hosts, 55 ms an answer, one request a host at a time;"
    " one after the other was measured on {few} and on {more} pages, and scaled to {all}"
)


def chess(bench: Bench) -> Iterator[Case]:
    moves = bench.size(30, 10)
    few, more = 1, bench.size(4, 2)

    def side_by_side() -> float:
        return _wall(bench, moves, *_POLITE)

    def one_after_the_other() -> float:
        points = [(n * len(_OPPONENTS), _wall(bench, n, "--engine", "sequential", *_POLITE))
                  for n in (few, more)]  # fmt: skip
        return extrapolate(points[0], points[1], moves * len(_OPPONENTS))

    def measure() -> Measured:
        pages = moves * len(_OPPONENTS)
        pairs = [
            Pair(pages / side_by_side(), pages / one_after_the_other()) for _ in range(bench.repeat)
        ]
        return Measured(pairs)

    few, more, whole = (n * len(_OPPONENTS) for n in (few, more, moves))
    note = _NOTE.format(few=few, more=more, all=whole)
    yield Case("24 boards", "pages/s", Goal("ratio", least=20), measure, note)


def _wall(bench: Bench, moves: int, *options: str) -> float:
    """Seconds."""
    with ServerProcess(Options(addresses=_OPPONENTS, latency=_THINKING)) as server:
        urls = server.urls(moves)
        listed = write_urls(bench.fresh("urls"), urls)
        return crawl(bench, listed, *options, pages=len(urls)).run.wall
