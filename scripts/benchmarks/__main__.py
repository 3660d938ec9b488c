"""Run the benchmarks, print a table, write JSON. Ends with 1 if anything was missed or refused.

With --trend it measures nothing, and ends with 1 if anything became slower.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from support.needs import Missing

from benchmarks import against, history
from benchmarks.budget import budget
from benchmarks.checkouts import commit_of, state
from benchmarks.chess import chess
from benchmarks.cores import cores
from benchmarks.fetching import fetch
from benchmarks.machine import this_machine
from benchmarks.mix import mix
from benchmarks.politeness import politeness
from benchmarks.runs import Bench, Case, Refused
from benchmarks.shards import shards
from benchmarks.startup import help_text, start_up
from benchmarks.table import Figure, Told, draw, figure
from benchmarks.throughput import list_of_urls, site
from benchmarks.waiting import iowait
from benchmarks.wide import wide

Scenario = Callable[[Bench], Iterator[Case]]
SCENARIOS: Mapping[str, Scenario] = {
    "list": list_of_urls,
    "site": site,
    "wide": wide,
    "mix": mix,
    "shards": shards,
    "cores": cores,
    "fetch": fetch,
    "chess": chess,
    "politeness": politeness,
    "iowait": iowait,
    "budget": budget,
    "startup": start_up,
    "help": help_text,
}
_HISTORY = Path("bench-history.jsonl")
_REPEAT = 3
_WIDTH = 140
"""Columns of a table that goes into a file or a pipe."""
_TITLE = "median (lowest to highest)"
_TITLE_TREND = "{file}: the last figures beside the earlier ones; {left_out} other runs left out"
_TITLE_AGAINST = "this working tree, beside {}: median (95 % interval; a ratio above 1 is faster)"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    names, compared = ", ".join(SCENARIOS), ", ".join(against.WORKS)
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes: does it work at all?")
    add("--only", nargs="+", metavar="NAME", help=f"of {names}; with --against of {compared}")
    add("--json", type=Path, metavar="FILE", default=Path("bench.json"), help="(bench.json)")
    add(
        "--history",
        type=Path,
        metavar="FILE",
        default=_HISTORY,
        help=f"gets a line with the figures, unless --against ({_HISTORY})",
    )
    add(
        "--trend",
        type=Path,
        metavar="FILE",
        nargs="?",
        const=_HISTORY,
        help="measure nothing; what of a history became slower",
    )
    add(
        "--repeat",
        "--pairs",
        type=_pairs,
        metavar="N",
        help=f"pairs for each figure ({_REPEAT}; with --against {against.PAIRS} after a warm-up)",
    )
    add("--against", metavar="REV", help="this working tree beside a revision from git")
    add(
        "--least",
        type=float,
        metavar="RATIO",
        default=against.LEAST,
        help=f"--against: missed if the whole interval lies below ({against.LEAST})",
    )
    return _completed(parser, parser.parse_args())


def _completed(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> argparse.Namespace:
    """With the defaults that depend on whether there is ``--against``."""
    alone = asked.against is None
    known: Mapping[str, object] = SCENARIOS if alone else against.WORKS
    asked.only = asked.only or list(known)
    asked.repeat = asked.repeat or (_REPEAT if alone else against.PAIRS)
    for name in asked.only:
        if name not in known:
            parser.error(f"--only: {name} is not one of {', '.join(known)}")
    return asked


def _pairs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of pairs")
    return int(text)


def measure(name: str, scenario: Scenario, bench: Bench) -> Iterator[Figure]:
    """A scenario makes one case after the other ready; what they share lives as long as it does."""
    try:
        for case in scenario(bench):
            try:
                yield figure(name, case, case.measure())
            except Refused as why:
                yield Figure(name, case.name, "refused", reach=str(case.goal), note=str(why))
            except Missing as why:
                yield Figure(name, case.name, "skipped", reach=str(case.goal), note=str(why))
    except Missing as why:
        yield Figure(name, "", "skipped", note=str(why))


def _scenarios(bench: Bench, commit: str | None, least: float) -> Mapping[str, Scenario]:
    if commit is None:
        return SCENARIOS
    both = against.contest(bench, commit, least)
    return {name: partial(against.cases, both, name) for name in against.WORKS}


def _measure_all(asked: argparse.Namespace, commit: str | None) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="crawler-bench-") as folder:
        bench = Bench(Path(folder), asked.repeat, asked.quick)
        scenarios = _scenarios(bench, commit, asked.least)
        for name in asked.only:
            for each in measure(name, scenarios[name], bench):
                sys.stderr.write(f"{each.scenario} {each.name}: {each.verdict}\n")
                yield each


def main() -> int:
    asked = arguments()
    try:
        return _trend(asked.trend) if asked.trend else _run(asked)
    except (Refused, Missing) as why:
        sys.exit(f"scripts/bench: {why}")


def _run(asked: argparse.Namespace) -> int:
    commit = None if asked.against is None else commit_of(asked.against)
    figures = tuple(_measure_all(asked, commit))
    title = _TITLE_AGAINST.format(asked.against) if commit else _TITLE
    draw(figures, title, _console())
    told = Told(this_machine(), state(), commit, asked.quick, asked.repeat, figures)
    asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
    if commit is None:
        history.append(asked.history, told)
    return int(any(each.verdict in ("missed", "refused") for each in figures))


def _trend(file: Path) -> int:
    runs = history.read(file)
    measured_alike = history.comparable(runs)
    found = history.trends(measured_alike)
    title = _TITLE_TREND.format(file=file, left_out=len(runs) - len(measured_alike))
    history.draw(found, title, _console())
    return int(any(each.verdict in ("slower", "moved") for each in found))


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _WIDTH)


if __name__ == "__main__":
    sys.exit(main())
