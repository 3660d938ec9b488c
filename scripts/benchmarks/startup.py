"""``help``: how long a person waits for ``crawler --help``."""

from collections.abc import Iterator

from benchmarks.crawls import PROGRAM
from benchmarks.runs import Bench, Case, Goal, Measured, Pair, run

_TIMES = 20


def help_text(bench: Bench) -> Iterator[Case]:
    def measure() -> Measured:
        walls = [run([PROGRAM, "--help"]).wall for _ in range(bench.size(_TIMES, 5))]
        return Measured([Pair(wall * 1e3) for wall in walls])

    yield Case("crawler --help", "ms", Goal("value", most=200), measure)
