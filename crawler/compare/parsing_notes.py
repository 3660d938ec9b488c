"""What a comparison of parse executors teaches, in sentences made of its own figures."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from crawler.compare.statistics import Interval, interval
from crawler.compare.summary import work_of
from crawler.compare.verdict import NOT_ITS_OWN, Runs, ratios
from crawler.metrics.comparison import Summary, TimedRun
from crawler.metrics.contestants import Contestant, Naming, contestant_of
from crawler.metrics.limits import BUSY
from crawler.metrics.simultaneous import parallel_bounds
from crawler.model.units import count, figure, percent, seconds

_CONTENDED = 0.05
"""A smaller share of the time without a free core is not worth a word."""


class _Way(msgspec.Struct, frozen=True):
    """One way to parse, with its runs."""

    of: Contestant
    runs: Sequence[TimedRun]
    figures: Summary

    def speed_beside(self, other: "_Way") -> Interval:
        return interval(ratios(self.runs, other.runs))


def notes(runs: Runs, summary: Iterable[Summary], *, has_lock: bool) -> Iterator[str]:
    """Why threads do not help, and how much processes do; nothing if parsing is not compared.

    There are sentences for each engine at each concurrency. ``has_lock``: the interpreter that
    made the runs has a lock (GIL).
    """
    naming = Naming(runs)
    if not naming.compares_parsing:
        return
    for fetching, ways in _by_fetching(runs, summary).items():
        where = f"{fetching}: " if naming.compares_fetching else ""
        for note in _of_one_engine(ways, has_lock):
            yield where + note


def _by_fetching(runs: Runs, summary: Iterable[Summary]) -> Mapping[str, list[_Way]]:
    found: defaultdict[str, list[_Way]] = defaultdict(list)
    for each in summary:
        of = contestant_of(each)
        found[of.fetching].append(_Way(of, runs[of], each))
    return found


def _of_one_engine(ways: Sequence[_Way], has_lock: bool) -> Iterator[str]:
    threads = [way for way in ways if way.of.parse == "thread"]
    processes = [way for way in ways if way.of.workers and way not in threads]
    if threads:
        best = _fastest(threads)
        yield _of_threads(best, _reference(best, ways), has_lock)
    if processes:
        best = _fastest(processes)
        yield " ".join(_of_processes(best, _reference(best, ways)))


def _fastest(ways: Sequence[_Way]) -> _Way:
    return max(ways, key=lambda way: way.figures.pages_per_s)


def _reference(one: _Way, ways: Sequence[_Way]) -> _Way | None:
    """``inline``, else the same executor with the fewest workers, else nothing."""
    alike = [way for way in ways if way.of.parse == one.of.parse]
    fewest = min(alike, key=lambda way: way.of.workers)
    inline = next((way for way in ways if way.of.parse == "inline"), fewest)
    return None if inline == one else inline


# Threads


def _of_threads(one: _Way, reference: _Way | None, has_lock: bool) -> str:
    start = _compared(one, reference) if reference else one.of.parsing
    return f"{start}: {_on_threads(one, reference, has_lock)}"


def _on_threads(one: _Way, reference: _Way | None, has_lock: bool) -> str:
    together = f"fetching and parsing together used {figure(one.figures.cores)} CPU cores"
    if not has_lock:
        return (
            "this build of Python has no interpreter lock (GIL), so threads can parse at the same "
            f"time; {together}."
        )
    if spoiled := _spoiled(one, reference):
        return spoiled
    if reference and one.speed_beside(reference).is_above:
        return (
            "threads helped here, because some of the work does not hold the interpreter's lock "
            f"(GIL); {together}."
        )
    if one.figures.cores >= BUSY:
        return (
            "threads do not help here. lexbor and your own functions hold the interpreter's lock "
            "(GIL) while they parse, so the threads take turns with each other and with the fetch "
            f"thread: {together}."
        )
    return (
        "no gain from threads is shown, and the interpreter's lock (GIL) is not the reason: "
        f"{together}. {_limit(one)}"
    )


def _compared(one: _Way, other: _Way) -> str:
    found = one.speed_beside(other)
    return (
        f"{one.of.parsing} was {found.ratio:.2f} times as fast as {other.of.parsing} "
        f"(95 %: {found.low:.2f} to {found.high:.2f})"
    )


def _spoiled(one: _Way, reference: _Way | None) -> str | None:
    """Why the speeds say nothing about parsing, or None."""
    for way in (one, reference):
        if way and way.figures.limited_by in NOT_ITS_OWN:
            limit = way.figures.limited_by
            return f"that says nothing, because {way.of.parsing} was limited by {limit}."
    return None


# Processes


def _of_processes(one: _Way, reference: _Way | None) -> Iterator[str]:
    if reference is None:
        return
    yield f"{_compared(one, reference)}{_on_gain(one, reference)}"
    if reference.of.parse == "inline":
        yield _taken_off(one, reference)
    yield _bound(one, reference)
    yield _limit(one)


def _on_gain(one: _Way, reference: _Way) -> str:
    if spoiled := _spoiled(one, reference):
        return f": {spoiled}"
    gain = one.speed_beside(reference).is_above
    return "." if gain else ": no gain from processes is shown."


def _taken_off(one: _Way, inline: _Way) -> str:
    """What the workers did for the fetch thread."""
    parsing = one.figures.cpu.parse_s
    now, before = one.figures.cpu.fetch_s, inline.figures.cpu.fetch_s
    taken = min(1.0, max(0.0, (before - now) / parsing)) if parsing else 0.0
    return (
        f"Parsing took {seconds(parsing)} of CPU in the workers, and fetching {seconds(now)} "
        f"instead of {seconds(before)}: {percent(taken)} of the parsing was taken off the fetch "
        "thread."
    )


def _bound(one: _Way, reference: _Way) -> str:
    """The most that any number of processes could gain on these cores."""
    cores = one.figures.model.cores
    workers = max(one.of.workers, cores)
    bounds = parallel_bounds(work_of(one.runs), one.of.concurrency, workers, cores)
    longest = max(bounds, key=lambda name: bounds[name])
    times = reference.figures.wall_s / bounds[longest]
    return (
        f"With {count(cores, 'core')} it could be at most {figure(times)} times as fast, because "
        f"{longest} takes {seconds(bounds[longest])}."
    )


def _limit(one: _Way) -> str:
    figures = one.figures
    text = f"It was limited by {figures.limited_by}"
    if figures.descheduled >= _CONTENDED:
        text += f"; no CPU core was free for {percent(figures.descheduled)} of the time"
    if figures.server_busy is not None:
        text += f", and the replay server used {percent(figures.server_busy)} of a core"
    return f"{text}."
