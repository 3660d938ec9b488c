"""What was measured, for people (a table) and for programs (JSON)."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.runs import Case, Measured, Spread

Verdict = Literal["reached", "missed", "refused", "skipped"]
_COLOURS: dict[Verdict, str] = {
    "reached": "green",
    "missed": "red",
    "refused": "red",
    "skipped": "yellow",
}


class Figure(msgspec.Struct, frozen=True):
    """A line of the table. ``value`` and ``reference`` are medians, in ``unit``.

    ``ratio`` or ``difference`` is over the pairs, and its median what ``reach`` is held against;
    where both are None that is ``value``. ``refused``: the command failed or its output was wrong;
    ``skipped``: something it needs is missing; ``note`` says what.
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


def figure(scenario: str, case: Case, measured: Measured) -> Figure:
    judged = case.goal.measure(measured.pairs)
    references = [pair.reference for pair in measured.pairs if pair.reference is not None]
    return Figure(
        scenario=scenario,
        name=case.name,
        verdict="reached" if case.goal.reached(judged) else "missed",
        unit=case.unit,
        value=Spread.of(pair.value for pair in measured.pairs).median,
        reference=Spread.of(references).median if references else None,
        ratio=judged if case.goal.kind == "ratio" else None,
        difference=judged if case.goal.kind == "difference" else None,
        reach=str(case.goal),
        note="; ".join(filter(None, (case.note, measured.note))),
    )


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
            f"{_number(each.value)} {each.unit}".strip(),
            _number(each.reference),
            _spread(each.ratio or each.difference),
            each.reach,
            f"[{colour}]{each.verdict}[/]",
        )
    console.print(table)
    for each in filter(lambda each: each.note, figures):
        console.print(f"{each.scenario} {each.name}: {each.note}", markup=False, highlight=False)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return f"{_number(spread.median)} ({_number(spread.low)} to {_number(spread.high)})"


def to_json(
    figures: Sequence[Figure], *, quick: bool, repeat: int, against: str | None = None
) -> bytes:
    """The figures and the machine they were taken on. ``load`` is the mean of the last minute.

    ``against`` is the commit that is the reference; then ``low`` and ``high`` of a ratio are the
    bounds of its 95 % interval.
    """
    machine = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "quick": quick,
        "repeat": repeat,
    }
    text = msgspec.json.encode({"machine": machine, "against": against, "figures": figures})
    return msgspec.json.format(text, indent=2) + b"\n"
