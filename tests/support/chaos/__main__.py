"""Disturb crawls in every way that a machine and a network can, and compare their ends.

For each engine and seed, a made-up web with misbehaving pages is crawled twice: once left alone,
and once with many sessions that are killed, interrupted, suspended, cut off from the network or
given a disk that fails. In the end both must have the same pages, failures and skips, each once.
Ends with 1 if one differs; its folder is then kept, and its name printed.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.table import Table
from support.chaos.shim import compiled
from support.chaos.trial import Chaos, Trial

from crawler.engines.names import ENGINES

ALL = tuple(name for name in ENGINES if name != "sequential")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    add = parser.add_argument
    add("--engine", metavar="NAME", action="append", help=f"repeatable (all: {', '.join(ALL)})")
    add("--seed", type=int, metavar="N", default=1, help="of the first round (1)")
    add("--sessions", type=int, metavar="N", default=12, help="disturbed ones of each crawl (12)")
    add("--pages", type=int, metavar="N", default=400, help="of the web (400)")
    add("--minutes", type=float, metavar="M", default=0.0, help="more rounds until then (one)")
    add("--keep", metavar="DIR", help="keep all runs there")
    return parser.parse_args(given)


def trials(chaos: Chaos, asked: argparse.Namespace) -> Iterator[Trial]:
    end = time.monotonic() + 60 * asked.minutes
    for seed in count(asked.seed):
        for engine in asked.engine or ALL:
            found = chaos.trial(engine, seed)
            says = "; ".join(found.wrong[:3]) or "as if left alone"
            sys.stderr.write(f"{engine}, seed {seed}: {says}\n")
            yield found
            if asked.minutes and time.monotonic() > end:
                return
        if time.monotonic() >= end:
            return


def draw(found: Sequence[Trial], console: Console) -> None:
    table = Table("engine", "crawls", "pages", "failures", "skips", "other kind", "wrong")
    for engine in dict.fromkeys(each.engine for each in found):
        mine = [each for each in found if each.engine == engine]
        sums = (sum(getattr(each, name) for each in mine) for name in _SUMS)
        wrong = sum(bool(each.wrong) for each in mine)
        table.add_row(engine, str(len(mine)), *map("{:,}".format, sums), str(wrong))
    console.print(table)
    done: Counter[str] = Counter()
    for each in found:
        done.update(each.done)
    console.print(" · ".join(f"{name} {number:,}" for name, number in done.items()))


_SUMS = ("pages", "failures", "skips", "other_kinds")


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(given)
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="crawler-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    shim = compiled(folder)
    if shim is None:
        sys.stderr.write("scripts/chaos: no C compiler, so there are no I/O faults\n")
    found = list(trials(Chaos(folder, shim, asked.pages, asked.sessions), asked))
    draw(found, Console(width=None if sys.stdout.isatty() else 120))
    is_wrong = any(each.wrong for each in found)
    if is_wrong or asked.keep:
        sys.stdout.write(f"the runs are in {folder}\n")
    else:
        shutil.rmtree(folder)
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main())
