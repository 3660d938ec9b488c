"""Kill crawls of the Python manual at random moments, resume each to its end, and compare.

The manual (Debian's python3-doc) is served by nginx on loopback. Every crawl is killed (SIGKILL)
several times, so most kills hit one that was resumed. Ends with 1 if a run differs from one that
was left alone, and with 2 where nginx or the manual is missing.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from support import needs
from support.killing import crawl_killed, difference, digest, inherit, moments, outcome
from support.needs import Missing
from support.nginx import Nginx

RATE = 250
"""Requests a second, so that a crawl takes several commits."""
EACH = 10
"""Moments drawn for one crawl."""


class Trial(msgspec.Struct, frozen=True):
    """One crawl, killed at ``drawn`` moments (s), and what was ``wrong`` with it in the end.

    ``kept`` is how many entries were final in what each kill left that found it alive.
    """

    drawn: Sequence[float]
    kept: Sequence[int]
    entries: int
    digest: str
    wrong: str


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/kill", description=__doc__)
    add = parser.add_argument
    add("--kills", type=int, metavar="N", default=100, help="that hit a live crawl (100)")
    add("--seed", type=int, metavar="N", default=1, help="of the moments (1)")
    add("--engine", metavar="NAME", default="curl", help="(curl)")
    return parser.parse_args()


def trial(command: Sequence[str], run: Path, whole: Path, drawn: Sequence[float]) -> Trial:
    try:
        kept = crawl_killed(command, run, drawn, inherit())
        wrong = difference(run, whole)
    except AssertionError as error:
        return Trial(drawn, [0] * len(drawn), 0, "", str(error) or "an assertion failed")
    entries = sum(map(len, outcome(run).values()))
    return Trial(drawn, kept, entries, digest(run), wrong)


def trials(command: Sequence[str], folder: Path, kills: int, seed: int) -> list[Trial]:
    """A crawl left alone, which tells how long one takes, and then killed ones."""
    whole = folder / "whole"
    began = time.monotonic()
    crawl_killed(command, whole, [], inherit())
    took = time.monotonic() - began
    found = [Trial((), (), sum(map(len, outcome(whole).values())), digest(whole), "")]
    while (hit := sum(len(each.kept) for each in found)) < kills:
        drawn = moments(min(EACH, kills - hit), took, seed + len(found))
        found.append(trial(command, folder / f"{len(found)}", whole, drawn))
        sys.stderr.write(
            f"{hit + len(found[-1].kept)} of {kills}: {found[-1].wrong or 'the same'}\n"
        )
    return found


def draw(found: Sequence[Trial], console: Console) -> None:
    table = Table("crawl", "killed", "at (s)", "final then", "entries", "digest", "difference")
    for number, each in enumerate(found):
        times = " ".join(f"{moment:.2f}" for moment in each.drawn)
        says = each.wrong.splitlines()[0] if each.wrong else "none"
        table.add_row(
            "left alone" if not number else str(number),
            str(len(each.kept)),
            times,
            " ".join(map(str, each.kept)),
            str(each.entries),
            each.digest[:12],
            says,
        )
    console.print(table)
    wrong = sum(bool(each.wrong) for each in found)
    console.print(
        f"{sum(len(each.kept) for each in found)} kills, {wrong} crawls came out otherwise"
    )


def main() -> int:
    asked = arguments()
    manual = needs.docs()
    with tempfile.TemporaryDirectory(prefix="crawler-kill-") as name:
        folder = Path(name)
        try:
            if manual is None:
                raise Missing(needs.missing("docs") or "")
            with Nginx(folder / "nginx", Path(manual)) as site:
                command = [sys.executable, "-m", "crawler", "crawl", "--quiet", "--follow"]
                command += ["--rate", str(RATE), "--engine", asked.engine, site.url("index.html")]
                found = trials(command, folder, asked.kills, asked.seed)
        except Missing as why:
            sys.stderr.write(f"scripts/kill: {why}\n")
            return 2
    draw(found, Console(width=None if sys.stdout.isatty() else 140))
    return int(any(each.wrong for each in found))


if __name__ == "__main__":
    sys.exit(main())
