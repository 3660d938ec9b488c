"""What may be said of the runs: who is faster, or why nobody is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

import msgspec

from crawler.compare.plan import Contestant, pairs
from crawler.compare.statistics import FEWEST_PAIRS, Interval, interval
from crawler.metrics.comparison import Recommended, RunOutcome, TimedRun, Verdict
from crawler.metrics.report import Limiter
from crawler.model.units import figure, percent

_SERVER_BUSY = 0.85
"""Share of its one core from which on it is the server that is measured."""
_SERVER_LATE = 0.1
"""Share by which the waits of a replay may differ from those recorded, and still stand for them."""
_MACHINE_BUSY = 0.9
_ELSEWHERE = {
    Limiter.POLITENESS: "politeness",
    Limiter.CONCURRENCY: "the time that the server takes to answer",
    Limiter.SOURCE: "the list, read too slowly",
    Limiter.PARSE: "parsing",
    Limiter.SINK: "writing",
    Limiter.MACHINE: "the machine, which has too few cores for it",
    Limiter.SHORT: "too short a list",
}
_SERVER = "the server that replays"
_MACHINE = _ELSEWHERE[Limiter.MACHINE]
_NOT_ITS_OWN = {_SERVER, _ELSEWHERE[Limiter.POLITENESS]}
"""What makes a slow run say nothing about its engine."""

Runs = Mapping[Contestant, Sequence[TimedRun]]
"""By contestant, in the order of their repeats."""


def judge(runs: Runs, withheld: str | None, cores: int) -> list[Verdict]:
    """A verdict for each two engines at the same concurrency.

    ``withheld`` is why none may be given, in words, or None.
    """
    return [_judge(a, b, runs, withheld, cores) for a, b in pairs(runs)]


def _judge(a: Contestant, b: Contestant, runs: Runs, withheld: str | None, cores: int) -> Verdict:
    def give(
        what: RunOutcome, says: str, found: Interval | None, limit: str | None = None
    ) -> Verdict:
        verdict = Verdict(a.engine, b.engine, a.concurrency, what, says, limited_by=limit)
        numbers = msgspec.structs.asdict(found) if found else {}
        return msgspec.structs.replace(verdict, **numbers)

    both = f"{a.engine} and {b.engine} at {a.concurrency}"
    if withheld is not None:
        return give(RunOutcome.WITHHELD, f"{both}: no verdict, because {withheld}.", None)
    found = interval(ratios(runs[a], runs[b]))
    held = {each: held_up(runs[each], cores) for each in (a, b)}
    if found.is_above or found.is_below:
        fast, slow = (a, b) if found.is_above else (b, a)
        says = _faster(fast, slow, found if found.is_above else _turned(found))
        if held[slow] in _NOT_ITS_OWN:
            says = f"{both}: what held {slow.engine} up was not itself but {held[slow]}."
            return give(RunOutcome.LIMITED, says, found, held[slow])
        return give(RunOutcome.FASTER, says, found, held[slow])
    if held[a] is not None and held[b] is not None:
        limit = f"both were limited by {held[a]}"
        if held[a] != held[b]:
            limit = f"{a.engine} was limited by {held[a]}, {b.engine} by {held[b]}"
        return give(RunOutcome.LIMITED, f"{both}: no difference shown; {limit}.", found, held[a])
    says = f"{both}: no difference shown ({_bounds(found)})."
    return give(RunOutcome.NO_DIFFERENCE, says, found)


def withholding(fair: bool, same_results: bool, repeat: int) -> str | None:
    """Why there can be no verdict, or None."""
    if not fair:
        return "not the same was asked of all (see parity)"
    if not same_results:
        return "they did not find the same"
    if repeat < FEWEST_PAIRS:
        return f"that takes {FEWEST_PAIRS} pairs of runs at least, and there are {repeat}"
    return None


def ratios(one: Sequence[TimedRun], other: Sequence[TimedRun]) -> list[float]:
    """How many times as fast ``one`` was, pair by pair."""
    return [a.pages_per_s / b.pages_per_s for a, b in zip(one, other, strict=True)]


def _turned(found: Interval) -> Interval:
    return Interval(1 / found.ratio, 1 / found.high, 1 / found.low)


def _faster(fast: Contestant, slow: Contestant, found: Interval) -> str:
    more = percent(found.ratio - 1)
    return f"{fast.engine} is {more} faster than {slow.engine} at {fast.concurrency}" + (
        f" (95 %: {percent(found.low - 1)} to {percent(found.high - 1)})."
    )


def _bounds(found: Interval) -> str:
    return f"ratio {found.ratio:.2f}, 95 %: {found.low:.2f} to {found.high:.2f}"


# What held runs up


def held_up(runs: Sequence[TimedRun], cores: int) -> str | None:
    """What limited most of ``runs``, if it was not the engine."""
    (most, _), *_ = Counter(_held_up(run, cores) for run in runs).most_common(1)
    return most


def _held_up(run: TimedRun, cores: int) -> str | None:
    if (server_busy(run) or 0.0) >= _SERVER_BUSY or abs(run.wait_error or 0.0) > _SERVER_LATE:
        return _SERVER
    if machine_busy(run, cores) >= _MACHINE_BUSY:
        return _MACHINE
    return _ELSEWHERE.get(run.limited_by.what)


def server_busy(run: TimedRun) -> float | None:
    """The CPU of the server as a share of the run's wall time; None where it is not ours."""
    return None if run.server_cpu_s is None else run.server_cpu_s / run.wall_s


def machine_busy(run: TimedRun, cores: int) -> float:
    """The CPU of the crawl and the server as a share of all there is."""
    crawl = run.cpu_s_per_1000 * run.pages / 1000
    return (crawl + (run.server_cpu_s or 0.0)) / (run.wall_s * cores)


# What to use


def recommend(runs: Runs) -> Recommended:
    """The kindest of those that were not shown to be slower than the fastest.

    That is the one with the fewest requests in flight, then the one that takes the least CPU.
    """
    speed = {each: median(run.pages_per_s for run in made) for each, made in runs.items()}
    cpu = {each: median(run.cpu_s_per_1000 for run in made) for each, made in runs.items()}
    best = max(speed, key=lambda each: speed[each])
    ahead = {each: interval(ratios(runs[best], made)) for each, made in runs.items()}
    equal = [each for each, found in ahead.items() if not found.is_above]
    chosen = min(equal, key=lambda each: (each.concurrency, cpu[each]))
    rate = f"{figure(speed[chosen])} pages/s"
    if len(equal) == 1:
        because = f"it was the fastest: {rate} at the median."
    else:
        others = ", ".join(str(each) for each in equal if each != chosen)
        because = (
            f"none was shown to be faster ({rate} at the median), and {_kinder(chosen, equal)}"
        )
        because += f" {figure(cpu[chosen])} s for 1,000 pages. As fast: {others}."
    return Recommended(chosen.engine, chosen.concurrency, because)


def _kinder(chosen: Contestant, equal: Sequence[Contestant]) -> str:
    if all(each.concurrency == chosen.concurrency for each in equal):
        return "of those as fast it takes the least CPU:"
    return "of those as fast it has the fewest requests in flight, then takes the least CPU:"
