"""Runs commands, measures them from outside, and compares the figures pair by pair."""

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal, Self, TypeVar

import msgspec

T = TypeVar("T")
Better = Literal["more", "less", "near"]
"""What of a figure is better; ``near``: it has a truth that it should be near to."""
PATIENCE = 600.0
"""Seconds after which a command is taken to hang, and is ended."""


class Refused(Exception):  # noqa: N818 - it is a verdict on what was measured
    """A command failed, or what it wrote is not what it should have written."""


class Bench(msgspec.Struct, frozen=True):
    """One call of the benchmarks: where temporary files go, how often, and how much."""

    folder: Path
    repeat: int = 3
    quick: bool = False

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def fresh(self, name: str) -> Path:
        """A path of that name that nothing is at yet."""
        return Path(tempfile.mkdtemp(dir=self.folder)) / name


class Run(msgspec.Struct, frozen=True):
    """What a command took, in seconds: ``wall``, and ``cpu`` (user and system) of it and all the
    descendants that it waited for.
    """

    wall: float
    cpu: float


class Pair(msgspec.Struct, frozen=True):
    """A figure, and the reference measured next to it (None where there is only a limit)."""

    value: float
    reference: float | None = None


class Spread(msgspec.Struct, frozen=True):
    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        ordered = sorted(values)
        return cls(ordered[0], statistics.median(ordered), ordered[-1])


class Goal(msgspec.Struct, frozen=True):
    """What is to be reached, in bounds of the ratio to the reference, the difference, or the value.

    It is the median over the pairs that counts; with ``each`` none of them may be outside. Without
    a bound nothing is to be reached: the figure is only told.
    """

    kind: Literal["ratio", "difference", "value"]
    least: float | None = None
    most: float | None = None
    each: bool = False

    @property
    def bounded(self) -> bool:
        return self.least is not None or self.most is not None

    def measure(self, pairs: Sequence[Pair]) -> Spread:
        return Spread.of(map(self._one, pairs))

    def _one(self, pair: Pair) -> float:
        if self.kind == "value":
            return pair.value
        assert pair.reference is not None
        if self.kind == "difference":
            return pair.value - pair.reference
        return pair.value / pair.reference

    def reached(self, judged: Spread) -> bool:
        low, high = (judged.low, judged.high) if self.each else (judged.median, judged.median)
        above = self.least is None or low >= self.least
        return above and (self.most is None or high <= self.most)

    def __str__(self) -> str:
        if not self.bounded:
            return ""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        sign, bound = ("≤", self.most) if self.least is None else ("≥", self.least)
        return f"{sign} {bound:{'+g' if self.kind == 'difference' else 'g'}}"


class Measured(msgspec.Struct, frozen=True):
    pairs: Sequence[Pair]
    note: str = ""


class Case(msgspec.Struct, frozen=True):
    """One figure to be had. ``measure`` raises Refused; ``note`` says what the reader must know."""

    name: str
    unit: str
    goal: Goal
    measure: Callable[[], Measured]
    note: str = ""

    @property
    def better(self) -> Better:
        if self.goal.least is not None and self.goal.most is not None:
            return "near"
        return "more" if self.unit.endswith("/s") else "less"


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    talk: Callable[["subprocess.Popen[bytes]"], None] | None = None,
) -> Run:
    """Run ``command`` to its end, with ``env`` on top of ours; ``talk`` serves its pipes meanwhile.

    Raises Refused if it ends with another code than 0.
    """
    with tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=errors, env={**os.environ, **(env or {})}
        )
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        try:
            if talk is not None:
                talk(process)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
            if process.returncode is None:
                process.kill()
        wall = time.monotonic() - started
        if process.returncode:
            raise Refused(f"{_name(command)}: exit code {process.returncode}: {_last_line(errors)}")
    return Run(wall, usage.ru_utime + usage.ru_stime)


def output(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """What ``command`` writes, with ``env`` on top of ours. Raises Refused as ``run`` does."""
    with tempfile.TemporaryFile() as file:
        run(command, env=env, stdout=file.fileno())
        file.seek(0)
        return file.read().decode().strip()


def _name(command: Sequence[str]) -> str:
    return " ".join(Path(part).name for part in command[:4])


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def alternate(
    ours: Callable[[], float], reference: Callable[[], float], repeat: int
) -> tuple[Pair, ...]:
    """Figures measured in turns."""
    return tuple(Pair(*both) for both in in_turns(ours, reference, repeat))


def in_turns(
    ours: Callable[[], T], reference: Callable[[], T], repeat: int
) -> Iterator[tuple[T, T]]:
    """A B B A …: what the machine does meanwhile meets both, and neither is always first."""
    for number in range(repeat):
        if number % 2 == 0:
            yield ours(), reference()
        else:
            second = reference()
            yield ours(), second


def typical(times: int, sample: Callable[[], Run]) -> Run:
    """The medians of so many runs: a single one of a short command varies too much."""
    taken = [sample() for _ in range(times)]
    wall, cpu = ([getattr(each, part) for each in taken] for part in ("wall", "cpu"))
    return Run(statistics.median(wall), statistics.median(cpu))


def slope(small: tuple[int, float], large: tuple[int, float]) -> float:
    """What one more costs, from two points (number, cost): start-up is in both and drops out."""
    return (large[1] - small[1]) / (large[0] - small[0])


def extrapolate(small: tuple[int, float], large: tuple[int, float], number: int) -> float:
    """Cost of ``number``, on the straight line through two measured points (number, cost)."""
    return small[1] + slope(small, large) * (number - small[0])
