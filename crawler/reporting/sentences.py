"""What a run was like, in sentences and phrases that all its reports share."""

import math
from collections.abc import Iterator, Mapping

from crawler.metrics.report import Baseline, IoWait, Latency, OneByOne, Report, Urls
from crawler.metrics.simultaneous import Simultaneous
from crawler.model.events import Choice
from crawler.model.units import count, figure, percent, seconds, size

_TELLING = 32
"""Requests from which on there is something to be said of an engine."""


def choice(made: Choice, workers: int) -> str:
    """What ``auto`` chose and why: ``curl, 1 parse worker; I/O-bound: …``."""
    parsers = f", {count(workers, 'parse worker')}" if workers else ""
    return f"{made.engine}{parsers}; {_reason(made)}"


def _reason(made: Choice) -> str:
    if made.requests < _TELLING:
        return f"{count(made.requests, 'request')} were too few to tell what limits"
    if made.bound == "cpu":
        return (
            f"CPU-bound: the fetch thread was busy {percent(made.busy)} of the time, {_costs(made)}"
        )
    idle = f"the fetch thread idled {percent(1 - made.busy)} of the time"
    if made.bound == "io":
        times = figure(made.waiting / made.cpu) if made.cpu else "endless"
        return f"I/O-bound: waits are {times} times the computing, so any engine would do"
    return f"neither I/O- nor CPU-bound: {idle}, mostly with nothing in flight"


def _costs(made: Choice) -> str:
    """``96 µs a request; aiohttp needs 2.1 times that``."""
    cost = made.costs.get(made.engine, made.cpu / made.requests)
    each = f"{figure(cost * 1e6)} µs a request"
    if not made.costs:
        return f"{each}; too short to try another engine"
    if math.isinf(cost):
        return "and no engine could be measured"
    others = [
        f"{name} gave no answer"
        if math.isinf(other)
        else f"{name} needs {figure(other / cost)} times that"
        for name, other in made.costs.items()
        if name != made.engine
    ]
    return "; ".join([each, ", ".join(others)])


def title(report: Report) -> str:
    """``curl, 64 at a time · finished after 20 s``."""
    state = "stopped" if report.urls.pending else "finished"
    wall = seconds(report.wall_s)
    return f"{report.engine}, {report.concurrency} at a time · {state} after {wall}"


def beside(urls: Urls, bytes_: int) -> Iterator[str]:
    """What there is to say beside the number of pages; ``bytes_`` is their size."""
    if urls.done:
        yield size(bytes_)
    if urls.discovered:
        yield f"{count(urls.discovered, 'URL')} found in links"
    if urls.duplicates:
        yield f"{count(urls.duplicates, 'duplicate')} left out"
    if urls.filtered:
        yield f"{count(urls.filtered, 'link')} out of scope"


def tally(counts: Mapping[str, int]) -> list[str]:
    """``timeout × 41``, ``connect × 12``, most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return [f"{name} × {n:,}" for name, n in ranked]


def latency(ms: Latency) -> Iterator[str]:
    yield f"median {seconds(ms.p50 / 1e3)}"
    yield f"90 % < {seconds(ms.p90 / 1e3)}"
    yield f"99 % < {seconds(ms.p99 / 1e3)}"
    yield f"slowest {seconds(ms.max / 1e3)}"


def saved(io: IoWait, concurrency: int) -> str:
    """What doing it side by side saved, never overstated."""
    if not io.total_s:
        return "None was measured."
    waited = f"Waited {seconds(io.total_s)} in all"
    if io.overlap is None:
        return f"{waited}, none of it exposed."
    if io.overlap < 1.05:
        return f"{waited}, {seconds(io.exposed_s)} exposed: hardly any was saved."
    exposed = f"{waited}, {seconds(io.exposed_s)} of it exposed"
    saved = f"{seconds(io.saved_s)} saved"
    if io.overlap > concurrency:
        return f"{exposed}, the rest behind other waits and behind computing: {saved}."
    return f"{exposed}: overlap {figure(io.overlap)} ×, {saved}."


def measured(io: IoWait) -> Iterator[str]:
    yield f"measured by: {io.method}"
    yield f"connecting {seconds(io.handshake_s)}"
    yield f"plain sum of latencies {seconds(io.naive_sum_s)}, an upper bound"


def baseline(baseline: Baseline) -> str:
    times = ""
    if baseline.sample > 1:
        wall = baseline.sequential_s / baseline.speedup
        times = f" ({figure(baseline.low_s / wall)} to {figure(baseline.high_s / wall)})"
    return (
        f"{_alone(baseline)}, so this was {figure(baseline.speedup)} × as fast{times}; "
        f"measured on {count(baseline.sample, 'URL')}."
    )


def one_by_one(found: OneByOne) -> str:
    return f"{_alone(found)}, measured on {count(found.sample, 'URL')}."


def _alone(found: OneByOne) -> str:
    between = f" (95 %: {seconds(found.low_s)} to {seconds(found.high_s)})"
    told = f"One at a time it would take {seconds(found.sequential_s)}"
    return told + between if found.sample > 1 else told


def model(model: Simultaneous) -> str:
    """The chess simultaneous of this run's waits and computing."""
    told = (
        f"Its waits and its computing take {seconds(model.one_by_one_s)} one after the other, "
        f"and at best {seconds(model.overlapped_s)} overlapped"
    )
    if not model.workers:
        return f"{told}."
    shared = count(model.workers, "parse worker")
    return f"{told}, {seconds(model.parallel_s)} with {shared} besides."
