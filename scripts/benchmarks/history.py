"""What was measured before: a file that grows by a line of JSON with each call, and its trend."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.runs import Refused, Spread
from benchmarks.table import Figure, Told, shown, shown_spread

FEWEST = 3
"""Earlier figures; the range of fewer is too narrow to judge by."""
Verdict = Literal["slower", "faster", "within", "moved", "too few"]
_COLOURS: dict[Verdict, str] = {
    "slower": "red",
    "moved": "red",
    "faster": "green",
    "within": "",
    "too few": "yellow",
}


class Trend(msgspec.Struct, frozen=True):
    """The last figure of its name, and those before it.

    ``last`` and ``earlier`` are of the ratio or the difference, where there is one: a busy machine
    changes that less than the value. ``day`` is when the last was measured. ``moved``: it is
    outside the earlier range, and neither more nor less is better.
    """

    figure: Figure
    day: str
    last: float
    earlier: Spread | None
    count: int

    @property
    def verdict(self) -> Verdict:
        if self.earlier is None or self.count < FEWEST:
            return "too few"
        if self.earlier.low <= self.last <= self.earlier.high:
            return "within"
        if self.figure.better == "near":
            return "moved"
        above = self.last > self.earlier.high
        return "faster" if above == (self.figure.better == "more") else "slower"


def append(path: Path, told: Told) -> None:
    """One line, written at once: two that append do not mix."""
    line = msgspec.json.encode(told) + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if os.write(file, line) != len(line):
            raise Refused(f"{path}: no room for a line")
    finally:
        os.close(file)


def read(path: Path) -> list[Told]:
    """Oldest first. Raises Refused where the file cannot be read, or a line is damaged."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    return [_decoded(path, number, line) for number, line in enumerate(lines, 1)]


def _decoded(path: Path, line: int, text: bytes) -> Told:
    try:
        return msgspec.json.decode(text, type=Told)
    except msgspec.DecodeError as error:
        raise Refused(f"{path}: line {line}: {error}") from error


def comparable(history: Sequence[Told]) -> list[Told]:
    """Those without ``against`` that were measured like the last: same processor, cores, size."""
    alone = [told for told in history if told.against is None]
    return [told for told in alone if _kind(told) == _kind(alone[-1])]


def _kind(told: Told) -> tuple[str, int, bool]:
    return told.machine.cpu, told.machine.cores, told.quick


def trends(history: Iterable[Told]) -> list[Trend]:
    """One for each name, in the order in which they were first measured."""
    series: dict[tuple[str, str], list[tuple[str, Figure, float]]] = {}
    for told in history:
        for figure in told.figures:
            if figure.judged is not None:
                name = figure.scenario, figure.name
                series.setdefault(name, []).append((told.machine.at[:10], figure, figure.judged))
    return [_trend(*figures) for figures in series.values()]


def _trend(*figures: tuple[str, Figure, float]) -> Trend:
    *before, (day, figure, last) = figures
    earlier = Spread.of(judged for _, _, judged in before) if before else None
    return Trend(figure=figure, day=day, last=last, earlier=earlier, count=len(before))


def draw(found: Sequence[Trend], title: str, console: Console) -> None:
    table = Table(title=title)
    for name in ("scenario", "figure", "day"):
        table.add_column(name, no_wrap=True)
    for name in ("value", "judged", "earlier: median (range)", "of"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for each in found:
        figure, colour = each.figure, _COLOURS[each.verdict]
        table.add_row(
            figure.scenario,
            figure.name,
            each.day,
            f"{shown(figure.value)} {figure.unit}".strip(),
            shown(each.last),
            shown_spread(each.earlier),
            str(each.count),
            Text(each.verdict, style=colour),
        )
    console.print(table)
