"""Run the benchmarks, print a table, write JSON. Ends with 1 if anything was missed or refused."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from support.needs import Missing

from benchmarks.budget import budget
from benchmarks.chess import chess
from benchmarks.fetching import fetch
from benchmarks.politeness import politeness
from benchmarks.runs import Bench, Case, Refused
from benchmarks.startup import help_text
from benchmarks.table import Figure, draw, figure, to_json
from benchmarks.throughput import list_of_urls, site
from benchmarks.waiting import iowait, tls

SCENARIOS: dict[str, Callable[[Bench], Iterator[Case]]] = {
    "list": list_of_urls,
    "site": site,
    "fetch": fetch,
    "chess": chess,
    "politeness": politeness,
    "iowait": iowait,
    "tls": tls,
    "budget": budget,
    "help": help_text,
}
_WIDTH = 140
"""Columns of a table that goes into a file or a pipe."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    names = ", ".join(SCENARIOS)
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes: does it work at all?")
    add("--only", nargs="+", choices=SCENARIOS, metavar="NAME", help=f"of {names}")
    add("--json", type=Path, metavar="FILE", default=Path("bench.json"), help="(bench.json)")
    add("--repeat", type=int, metavar="N", default=3, help="pairs for each figure (3)")
    return parser.parse_args()


def measure(name: str, bench: Bench) -> Iterator[Figure]:
    """A scenario makes one case after the other ready; what they share lives as long as it does."""
    try:
        for case in SCENARIOS[name](bench):
            try:
                yield figure(name, case, case.measure())
            except Refused as why:
                yield Figure(name, case.name, "refused", reach=str(case.goal), note=str(why))
    except Missing as why:
        yield Figure(name, "", "skipped", note=str(why))


def main() -> int:
    asked = arguments()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="crawler-bench-") as folder:
        bench = Bench(Path(folder), asked.repeat, asked.quick)
        for name in asked.only or SCENARIOS:
            for each in measure(name, bench):
                sys.stderr.write(f"{each.scenario} {each.name}: {each.verdict}\n")
                figures.append(each)
    draw(figures, Console(width=None if sys.stdout.isatty() else _WIDTH))
    asked.json.write_bytes(to_json(figures, quick=asked.quick, repeat=asked.repeat))
    return int(any(each.verdict in ("missed", "refused") for each in figures))


if __name__ == "__main__":
    sys.exit(main())
