"""Judges the runs: which engine is faster, or why there is no verdict."""

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
"""A server that uses at least this share of its one core limits the run."""
_SERVER_LATE = 0.1
"""Share by which the waits of a replay may differ from the recorded ones."""
_MACHINE_BUSY = 0.9
_OTHER_LIMITS = {
    Limiter.POLITENESS: "politeness",
    Limiter.CONCURRENCY: "the response time of the server",
    Limiter.SOURCE: "the list, which is read too slowly",
    Limiter.PARSE: "parsing",
    Limiter.SINK: "writing",
    Limiter.MACHINE: "the machine, which has too few cores",
    Limiter.SHORT: "the list, which is too short",
}
_SERVER = "the replay server"
_MACHINE = _OTHER_LIMITS[Limiter.MACHINE]
_NOT_ITS_OWN = {_SERVER, _OTHER_LIMITS[Limiter.POLITENESS]}
"""A slow run with one of these limits says nothing about its engine."""

Runs = Mapping[Contestant, Sequence[TimedRun]]
"""By contestant, in the order of their repeats."""


def judge(runs: Runs, withheld: str | None, cores: int) -> list[Verdict]:
    """A verdict for each pair of engines at the same concurrency.

    ``withheld`` is the reason, in words, why there must be no verdict, or None.
    """
    return [_judge(a, b, runs, withheld, cores) for a, b in pairs(runs)]


def _judge(a: Contestant, b: Contestant, runs: Runs, withheld: str | None, cores: int) -> Verdict:
    def verdict_of(
        what: RunOutcome, says: str, found: Interval | None, limit: str | None = None
    ) -> Verdict:
        verdict = Verdict(a.engine, b.engine, a.concurrency, what, says, limited_by=limit)
        numbers = msgspec.structs.asdict(found) if found else {}
        return msgspec.structs.replace(verdict, **numbers)

    both = f"{a.engine} and {b.engine} at {a.concurrency}"
    if withheld is not None:
        return verdict_of(RunOutcome.WITHHELD, f"{both}: no verdict, because {withheld}.", None)
    found = interval(ratios(runs[a], runs[b]))
    limits = {each: main_limit(runs[each], cores) for each in (a, b)}
    if found.is_above or found.is_below:
        fast, slow = (a, b) if found.is_above else (b, a)
        says = _faster(fast, slow, found if found.is_above else _turned(found))
        if limits[slow] in _NOT_ITS_OWN:
            says = f"{both}: {slow.engine} was limited by {limits[slow]}, not by itself."
            return verdict_of(RunOutcome.LIMITED, says, found, limits[slow])
        return verdict_of(RunOutcome.FASTER, says, found, limits[slow])
    if limits[a] is not None and limits[b] is not None:
        limit = f"both were limited by {limits[a]}"
        if limits[a] != limits[b]:
            limit = f"{a.engine} was limited by {limits[a]}, {b.engine} by {limits[b]}"
        return verdict_of(
            RunOutcome.LIMITED, f"{both}: no difference shown; {limit}.", found, limits[a]
        )
    says = f"{both}: no difference shown ({_bounds(found)})."
    return verdict_of(RunOutcome.NO_DIFFERENCE, says, found)


def withholding(fair: bool, same_results: bool, repeat: int) -> str | None:
    """The reason why there must be no verdict, or None."""
    if not fair:
        return "the conditions were not the same for all (see parity)"
    if not same_results:
        return "the results of the runs differ"
    if repeat < FEWEST_PAIRS:
        return f"it needs at least {FEWEST_PAIRS} pairs of runs, and there are {repeat}"
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


# What limited the runs


def main_limit(runs: Sequence[TimedRun], cores: int) -> str | None:
    """What limited most of ``runs``, or None if it was the engine."""
    (most, _), *_ = Counter(_limit(run, cores) for run in runs).most_common(1)
    return most


def _limit(run: TimedRun, cores: int) -> str | None:
    if (server_busy(run) or 0.0) >= _SERVER_BUSY or abs(run.wait_error or 0.0) > _SERVER_LATE:
        return _SERVER
    if machine_busy(run, cores) >= _MACHINE_BUSY:
        return _MACHINE
    return _OTHER_LIMITS.get(run.limited_by.what)


def server_busy(run: TimedRun) -> float | None:
    """CPU time of the replay server as a share of the run's wall time; None without one."""
    return None if run.server_cpu_s is None else run.server_cpu_s / run.wall_s


def machine_busy(run: TimedRun, cores: int) -> float:
    """CPU time of the crawl and the server as a share of that of all cores."""
    crawl = run.cpu_s_per_1000 * run.pages / 1000
    return (crawl + (run.server_cpu_s or 0.0)) / (run.wall_s * cores)


# The recommendation


def recommend(runs: Runs) -> Recommended:
    """The most economical of those that were not shown to be slower than the fastest.

    That is the one with the fewest requests in flight, then the one that uses the least CPU.
    """
    speed = {each: median(run.pages_per_s for run in made) for each, made in runs.items()}
    cpu = {each: median(run.cpu_s_per_1000 for run in made) for each, made in runs.items()}
    best = max(speed, key=lambda each: speed[each])
    ahead = {each: interval(ratios(runs[best], made)) for each, made in runs.items()}
    equal = [each for each, found in ahead.items() if not found.is_above]
    chosen = min(equal, key=lambda each: (each.concurrency, cpu[each]))
    rate = f"{figure(speed[chosen])} pages/s"
    if len(equal) == 1:
        because = f"it was the fastest ({rate}, median)."
    else:
        others = ", ".join(str(each) for each in equal if each != chosen)
        because = f"no other was shown to be faster ({rate}, median). {_economy(chosen, equal)}"
        because += f" ({figure(cpu[chosen])} s per 1,000 pages). Equally fast: {others}."
    return Recommended(chosen.engine, chosen.concurrency, because)


def _economy(chosen: Contestant, equal: Sequence[Contestant]) -> str:
    if all(each.concurrency == chosen.concurrency for each in equal):
        return "Of the equally fast ones it uses the least CPU"
    return "Of the equally fast ones it has the fewest requests in flight, then the least CPU"
