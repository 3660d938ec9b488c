"""Judges the runs: which contestant is faster, or why there is no verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import msgspec

from crawler.compare.plan import pairs
from crawler.compare.statistics import FEWEST_PAIRS, Interval, interval
from crawler.metrics.comparison import Recommended, RunOutcome, TimedRun, Verdict
from crawler.metrics.contestants import Contestant, Naming, PairNames
from crawler.metrics.report import Limiter
from crawler.model.units import figure, percent

_SERVER_BUSY = 0.85
"""A server that uses at least this share of its one core limits the run."""
_SERVER_LATE = 0.1
"""Share by which the waits of a replay may differ from the recorded ones."""
_MACHINE_BUSY = 0.9
_TIMES = 2.0
"""From this ratio on, it is easier to read than a percentage."""
_OTHER_LIMITS = {
    Limiter.POLITENESS: "politeness",
    Limiter.CONCURRENCY: "the response time of the server",
    Limiter.SOURCE: "the list, which is read too slowly",
    Limiter.HANDSHAKES: "the handshakes of new connections",
    Limiter.LOCK: "the interpreter's lock",
    Limiter.PARSE: "parsing",
    Limiter.MEMORY: "the memory for bodies",
    Limiter.SINK: "writing",
    Limiter.MACHINE: "the machine, which has too few cores",
    Limiter.SHORT: "the list, which is too short",
}
_SERVER = "the replay server"
_MACHINE = _OTHER_LIMITS[Limiter.MACHINE]
NOT_ITS_OWN = {_SERVER, _OTHER_LIMITS[Limiter.POLITENESS]}
"""A slow run with one of these limits says nothing about its engine or its way to parse."""

Runs = Mapping[Contestant, Sequence[TimedRun]]
"""By contestant, in the order of their repeats."""


def judge(runs: Runs, withheld: str | None, cores: int) -> list[Verdict]:
    """A verdict for each pair that differs in one thing.

    ``withheld`` is the reason, in words, why there must be no verdict, or None.
    """
    return [_judge(a, b, runs, withheld, cores) for a, b in pairs(runs)]


def _judge(a: Contestant, b: Contestant, runs: Runs, withheld: str | None, cores: int) -> Verdict:
    names = Naming(runs).pair(a, b)
    if withheld is not None:
        says = f"{names}: no verdict, because {withheld}."
        return _verdict(a, b, _Judgement(RunOutcome.WITHHELD, says))
    found = interval(ratios(runs[a], runs[b]))
    limits = main_limit(runs[a], cores), main_limit(runs[b], cores)
    return _verdict(a, b, _judgement(names, found, *limits), found)


class _Judgement(NamedTuple):
    what: RunOutcome
    says: str
    limited_by: str | None = None


def _verdict(
    a: Contestant, b: Contestant, made: _Judgement, found: Interval | None = None
) -> Verdict:
    return Verdict(
        a=a.engine,
        b=b.engine,
        concurrency=a.concurrency,
        **made._asdict(),
        **(msgspec.structs.asdict(found) if found else {}),
        a_parse=a.parse,
        a_workers=a.workers,
        b_parse=b.parse,
        b_workers=b.workers,
    )


def _judgement(
    names: PairNames, found: Interval, limit_a: str | None, limit_b: str | None
) -> _Judgement:
    if found.is_above:
        return _faster(names.a, names.b, names, found, limit_b)
    if found.is_below:
        return _faster(names.b, names.a, names, _turned(found), limit_a)
    if limit_a is None or limit_b is None:
        says = f"{names}: no difference shown ({_bounds(found)})."
        return _Judgement(RunOutcome.NO_DIFFERENCE, says)
    limit = f"both were limited by {limit_a}"
    if limit_a != limit_b:
        limit = f"{names.a} was limited by {limit_a}, {names.b} by {limit_b}"
    return _Judgement(RunOutcome.LIMITED, f"{names}: no difference shown; {limit}.", limit_a)


def _faster(
    fast: str, slow: str, names: PairNames, found: Interval, limit: str | None
) -> _Judgement:
    """The judgement for ``fast``, whose ratio is ``found``; ``limit`` is that of ``slow``."""
    if limit in NOT_ITS_OWN:
        says = f"{names}: {slow} was limited by {limit}, not by itself."
        return _Judgement(RunOutcome.LIMITED, says, limit)
    says = f"{fast} is {_as_fast_as(slow, found, names)}."
    return _Judgement(RunOutcome.FASTER, says, limit)


def _as_fast_as(slow: str, found: Interval, names: PairNames) -> str:
    if found.ratio >= _TIMES:
        more, low, high = map(figure, (found.ratio, found.low, found.high))
        return f"{more} times as fast as {slow}{names.where} (95 %: {low} to {high})"
    more, low, high = (percent(ratio - 1) for ratio in (found.ratio, found.low, found.high))
    return f"{more} faster than {slow}{names.where} (95 %: {low} to {high})"


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

    That is the one with the fewest requests in flight, then with the fewest parse workers, then the
    one that uses the least CPU.
    """
    speed = {each: median(run.pages_per_s for run in made) for each, made in runs.items()}
    cpu = {each: median(run.cpu_s_per_1000 for run in made) for each, made in runs.items()}
    best = max(speed, key=lambda each: speed[each])
    ahead = {each: interval(ratios(runs[best], made)) for each, made in runs.items()}
    equal = [each for each, found in ahead.items() if not found.is_above]
    chosen = min(equal, key=lambda each: (each.concurrency, each.workers, cpu[each]))
    rate = f"{figure(speed[chosen])} pages/s"
    if len(equal) == 1:
        because = f"it was the fastest ({rate}, median)."
    else:
        naming = Naming(runs)
        others = ", ".join(naming.name(each) for each in equal if each != chosen)
        because = f"no other was shown to be faster ({rate}, median). {_economy(equal)}"
        because += f" ({figure(cpu[chosen])} s per 1,000 pages). Equally fast: {others}."
    return Recommended(
        chosen.engine, chosen.concurrency, because, parse=chosen.parse, workers=chosen.workers
    )


def _economy(equal: Sequence[Contestant]) -> str:
    ranks = {
        "the fewest requests in flight": {each.concurrency for each in equal},
        "the fewest parse workers": {each.workers for each in equal},
    }
    fewest = [name for name, values in ranks.items() if len(values) > 1]
    if not fewest:
        return "Of the equally fast ones it uses the least CPU"
    return f"Of the equally fast ones it has {', then '.join([*fewest, 'the least CPU'])}"
