"""What was measured, for people (a table) and for programs (JSON)."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine
from benchmarks.runs import Better, Case, Measured, Spread

Verdict = Literal["reached", "missed", "measured", "refused", "skipped"]
_COLOURS: dict[Verdict, str] = {
    "reached": "green",
    "missed": "red",
    "measured": "cyan",
    "refused": "red",
    "skipped": "yellow",
}


class Figure(msgspec.Struct, frozen=True):
    """A line of the table. ``value`` and ``reference`` are medians, in ``unit``.

    ``ratio`` or ``difference`` is over the pairs, and its median what ``reach`` is held against;
    where both are None that is ``value``. ``values`` and ``references`` are over the runs.
    ``measured``: there is nothing to reach; ``refused``: the command failed or its output was
    wrong; ``skipped``: something it needs is missing; ``note`` says what.
    """

    scenario: str
    name: str
    verdict: Verdict
    unit: str = ""
    value: float | None = None
    reference: float | None = None
    ratio: Spread | None = None
    difference: Spread | None = None
    reach: str = ""
    note: str = ""
    values: Spread | None = None
    references: Spread | None = None
    better: Better | None = None

    @property
    def judged(self) -> float | None:
        """The median that ``reach`` is held against; None where nothing was measured."""
        spread = self.ratio or self.difference
        return self.value if spread is None else spread.median


class Told(msgspec.Struct, frozen=True):
    """All that a call of the benchmarks measured, and of what: the content of its JSON file.

    ``commit`` has the suffix ``-dirty`` where the working tree differs from it, and is None where
    there is no git. ``against`` is the commit that is the reference; then ``low`` and ``high`` of a
    ratio are the bounds of its 95 % interval.
    """

    machine: Machine
    commit: str | None
    against: str | None
    quick: bool
    repeat: int
    figures: tuple[Figure, ...]


def figure(scenario: str, case: Case, measured: Measured) -> Figure:
    judged = case.goal.measure(measured.pairs)
    values = Spread.of(pair.value for pair in measured.pairs)
    references = [pair.reference for pair in measured.pairs if pair.reference is not None]
    reference = Spread.of(references) if references else None
    return Figure(
        scenario=scenario,
        name=case.name,
        verdict=_verdict(case, judged),
        unit=case.unit,
        value=values.median,
        reference=None if reference is None else reference.median,
        ratio=judged if case.goal.kind == "ratio" else None,
        difference=judged if case.goal.kind == "difference" else None,
        reach=str(case.goal),
        note="; ".join(filter(None, (case.note, measured.note))),
        values=values,
        references=reference,
        better=case.better,
    )


def _verdict(case: Case, judged: Spread) -> Verdict:
    if not case.goal.bounded:
        return "measured"
    return "reached" if case.goal.reached(judged) else "missed"


def draw(figures: Sequence[Figure], title: str, console: Console) -> None:
    table = Table(title=title)
    for name in ("scenario", "figure"):
        table.add_column(name, no_wrap=True)
    for name in ("value", "reference", "ratio or difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("to reach", "verdict"):
        table.add_column(name)
    for each in figures:
        colour = _COLOURS[each.verdict]
        table.add_row(
            each.scenario,
            each.name,
            f"{shown(each.value)} {each.unit}".strip(),
            shown(each.reference),
            shown_spread(each.ratio or each.difference),
            each.reach,
            f"[{colour}]{each.verdict}[/]",
        )
    console.print(table)
    for each in filter(lambda each: each.note, figures):
        console.print(f"{each.scenario} {each.name}: {each.note}", markup=False, highlight=False)


def shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def shown_spread(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return f"{shown(spread.median)} ({shown(spread.low)} to {shown(spread.high)})"
