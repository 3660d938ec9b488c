"""``help``: how long a person waits for ``crawler --help``, beside Python itself."""

import sys
from collections.abc import Iterator, Sequence

from benchmarks.crawls import PROGRAM
from benchmarks.runs import Bench, Case, Goal, Measured, alternate, run

_BEST_OF = 5


def help_text(bench: Bench) -> Iterator[Case]:
    def best(command: Sequence[str]) -> float:
        return 1e3 * min(run(command).wall for _ in range(_BEST_OF))

    def measure() -> Measured:
        ours, python = [PROGRAM, "--help"], [sys.executable, "-c", "pass"]
        return Measured(alternate(lambda: best(ours), lambda: best(python), bench.repeat))

    yield Case(
        "crawler --help, beside python -c pass", "ms", Goal("ratio", most=3), measure, "best of 5"
    )
