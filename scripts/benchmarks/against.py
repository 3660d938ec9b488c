"""``--against``: the working tree beside a revision of it, to prove that nothing became slower.

Runs of the two alternate, through the command line alone: what lies inside may have moved.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path

import msgspec

from benchmarks import records
from benchmarks.checkouts import Checkout, revision, working_tree
from benchmarks.chess import MOVES, chess_work
from benchmarks.runs import Bench, Case, Goal, Measured, Pair, Run, Spread, in_turns, run, typical
from benchmarks.throughput import LIST_PAGES, list_work, site_work
from benchmarks.work import Work
from crawler.compare.statistics import FEWEST_PAIRS, interval

PAIRS = 11
LEAST = 0.97
_STARTS = (5, 1)
"""One figure is the median of so many starts; and if it has to be quick."""
_WARM_UP = 1

WORKS: dict[str, Callable[[Bench], AbstractContextManager[Work]]] = {
    "list": lambda bench: list_work(bench, bench.size(*LIST_PAGES)),
    "site": site_work,
    "chess": lambda bench: chess_work(bench, bench.size(*MOVES)),
    "startup": lambda bench: list_work(bench, 1),
}


class NotSlower(Goal, frozen=True):
    """Missed if the whole 95 % interval of the ratio lies below ``least``; above 1 is faster.

    The figures are speeds, or seconds where ``of_seconds`` says so.
    """

    of_seconds: bool = False

    def measure(self, pairs: Sequence[Pair]) -> Spread:
        """The median and the bounds of the interval."""
        ratios = [self._one(pair) for pair in pairs]
        found = interval([1 / ratio for ratio in ratios] if self.of_seconds else ratios)
        return Spread(found.low, found.ratio, found.high)

    def reached(self, judged: Spread) -> bool:
        return self.least is None or judged.high >= self.least

    def __str__(self) -> str:
        return f"not all below {self.least:g}"


class Contest(msgspec.Struct, frozen=True):
    """The two checkouts, and the ratio that no interval may lie wholly below."""

    ours: Checkout
    theirs: Checkout
    least: float

    def figures(
        self, bench: Bench, name: str, sample: Callable[[Checkout], Run], pages: int = 0
    ) -> Iterator[Case]:
        """Two figures of the same runs. CPU time depends less on what else the machine does.

        The first is pages a second, or seconds if ``pages`` is 0.
        """
        pairs = cache(partial(self._pairs, sample, bench.repeat))
        if pages:
            yield self._case(name, "pages/s", pairs, lambda run: pages / run.wall)
        else:
            yield self._case(name, "s", pairs, lambda run: run.wall)
        yield self._case(f"{name}: CPU", "s", pairs, lambda run: run.cpu)

    def _pairs(self, sample: Callable[[Checkout], Run], repeat: int) -> list[tuple[Run, Run]]:
        ours, theirs = partial(sample, self.ours), partial(sample, self.theirs)
        return list(in_turns(ours, theirs, _WARM_UP + repeat))[_WARM_UP:]

    def _case(
        self,
        name: str,
        unit: str,
        pairs: Callable[[], list[tuple[Run, Run]]],
        figure: Callable[[Run], float],
    ) -> Case:
        def measure() -> Measured:
            figures = [Pair(figure(ours), figure(theirs)) for ours, theirs in pairs()]
            few = f"the interval of {len(figures)} pairs covers less than 95 %"
            return Measured(figures, few if len(figures) < FEWEST_PAIRS else "")

        return Case(
            name, unit, NotSlower("ratio", least=self.least, of_seconds=unit == "s"), measure
        )


def contest(bench: Bench, commit: str, least: float) -> Contest:
    """Raises Refused or Missing if either side cannot be run."""
    both = Contest(
        working_tree(bench.fresh("checkout")), revision(commit, bench.fresh("checkout")), least
    )
    both.ours.prepare()
    both.theirs.prepare()
    return both


def cases(both: Contest, name: str, bench: Bench) -> Iterator[Case]:
    """The cases of the scenario ``name``, one of ``WORKS``."""
    with WORKS[name](bench) as work:
        crawl = partial(_crawl, bench, work)
        if name == "startup":
            times = bench.size(*_STARTS)
            for part, sample in (("page", crawl), ("help", _help)):
                yield from both.figures(bench, part, partial(_typical, times, sample))
        else:
            yield from both.figures(bench, "pages", crawl, work.pages)


def _crawl(bench: Bench, work: Work, checkout: Checkout) -> Run:
    """From start to exit. Raises Refused unless all pages came out right."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        directory = Path(folder) / "run"
        arguments = ("crawl", "--quiet", "--run", str(directory), work.urls, *work.options)
        taken = run(checkout.command(*arguments), env=checkout.env)
        records.check(directory / "pages.jsonl", work.expected)
    return taken


def _help(checkout: Checkout) -> Run:
    return run(checkout.command("--help"), env=checkout.env)


def _typical(times: int, sample: Callable[[Checkout], Run], checkout: Checkout) -> Run:
    return typical(times, partial(sample, checkout))
