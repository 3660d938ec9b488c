"""Sentences and phrases about a run that its reports share."""

import math
from collections.abc import Iterator, Mapping, Sequence

from crawler.metrics.report import (
    Baseline,
    CacheUse,
    Connections,
    IoWait,
    Latency,
    OneByOne,
    Report,
    ShardUse,
    Urls,
)
from crawler.metrics.simultaneous import Simultaneous
from crawler.model.events import Choice
from crawler.model.resting import RestingHost
from crawler.model.units import count, figure, percent, seconds, size

_FEWEST_REQUESTS = 32
"""With fewer requests nothing is said about what limits the speed."""
_MOST_HOSTS = 10
"""Hosts that rest are shown up to this number."""


def choice(made: Choice, workers: int) -> str:
    """The engine that ``auto`` chose, and why: ``curl, 1 parse worker; I/O-bound: …``."""
    parsers = f", {count(workers, 'parse worker')}" if workers else ""
    return f"{made.engine}{parsers}; {_reason(made)}"


def _reason(made: Choice) -> str:
    if made.requests < _FEWEST_REQUESTS:
        return f"only {count(made.requests, 'request')}, too few to see what limits the speed"
    if made.bound == "cpu":
        return (
            f"CPU-bound: the fetch thread was busy {percent(made.busy)} of the time, {_costs(made)}"
        )
    idle = f"the fetch thread was idle {percent(1 - made.busy)} of the time"
    if made.bound == "io":
        ratio = f"{figure(made.waiting / made.cpu)} times as long as" if made.cpu else "longer than"
        return f"I/O-bound: waiting took {ratio} computing, so the choice of engine matters little"
    return f"neither I/O- nor CPU-bound: {idle}, mostly with no request in flight"


def _costs(made: Choice) -> str:
    """``96 µs per request; aiohttp needs 2.1 times as much``."""
    cost = made.costs.get(made.engine, made.cpu / made.requests)
    each = f"{figure(cost * 1e6)} µs per request"
    if not made.costs:
        return f"{each}; the crawl was too short to try another engine"
    if math.isinf(cost):
        return "but no engine could be measured"
    others = [
        f"{name} got no response"
        if math.isinf(other)
        else f"{name} needs {figure(other / cost)} times as much"
        for name, other in made.costs.items()
        if name != made.engine
    ]
    return "; ".join([each, ", ".join(others)])


def title(report: Report) -> str:
    """``curl, 64 at a time · finished after 20 s``."""
    state = "stopped" if list(left(report)) else "finished"
    wall = seconds(report.wall_s)
    engine = f"{report.engine}, " if report.engine else ""  # no shard was begun
    return f"{engine}{report.concurrency} at a time · {state} after {wall}"


def left(report: Report) -> Iterator[str]:
    """Phrases for what is not done yet; none if the crawl is finished."""
    if report.urls.pending:
        yield f"{count(report.urls.pending, 'URL')} not done yet"
    if report.shards is not None and report.shards.on_the_way:
        yield on_the_way(report.shards.on_the_way)


def page_details(urls: Urls, bytes_: int) -> Iterator[str]:
    """Phrases to show after the number of pages; ``bytes_`` is the size of all pages."""
    if urls.done:
        yield size(bytes_)
    if urls.discovered:
        yield f"{count(urls.discovered, 'URL')} found in links"
    yield from not_taken(urls)


def not_taken(urls: Urls) -> Iterator[str]:
    """Phrases for URLs that the crawl found and did not take."""
    if urls.duplicates:
        yield f"{count(urls.duplicates, 'duplicate')} left out"
    if urls.filtered:
        yield f"{count(urls.filtered, 'link')} not followed"


def tally(counts: Mapping[str, int]) -> list[str]:
    """``timeout × 41``, ``connect × 12``, most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return [f"{name} × {n:,}" for name, n in ranked]


def lost_workers(report: Report) -> str:
    """How many parse workers were replaced; empty if none was."""
    if not report.lost_workers:
        return ""
    were = "was" if report.lost_workers == 1 else "were"
    return f"{count(report.lost_workers, 'parse worker')} died and {were} replaced"


def shard_use(use: ShardUse) -> Iterator[str]:
    """``24 sessions of 8 shards``, ``1 session was killed: its times are missing``."""
    yield f"{count(use.sessions, 'session')} of {count(use.shards, 'shard')}"
    if use.killed:
        were, their = ("was", "its") if use.killed == 1 else ("were", "their")
        yield f"{count(use.killed, 'session')} {were} killed: {their} times are missing"


def on_the_way(records: int) -> str:
    return f"{count(records, 'URL')} sent to a shard, not yet received"


def cache_use(use: CacheUse) -> Iterator[str]:
    yield f"{count(use.pages, 'page')} not parsed again"
    if use.trouble is not None:
        yield f"not used to the end: {use.trouble}"


def latency(ms: Latency) -> Iterator[str]:
    yield f"median {seconds(ms.p50 / 1e3)}"
    yield f"90 % < {seconds(ms.p90 / 1e3)}"
    yield f"99 % < {seconds(ms.p99 / 1e3)}"
    yield f"slowest {seconds(ms.max / 1e3)}"


def connections(found: Connections) -> Iterator[str]:
    """``14 connections opened``, ``513 requests on a kept one``; nothing if none was used."""
    if not found.used:
        return
    yield f"{count(found.opened, 'connection')} opened"
    yield f"{count(found.reused, 'request')} on a kept one" if found.reused else "none used again"
    if found.resumed:
        yield f"{count(found.resumed, 'TLS session')} resumed"


def saved(io: IoWait, concurrency: int) -> str:
    """How much I/O wait concurrency saved; the figure is never overstated."""
    if not io.total_s:
        return "No I/O wait was measured."
    waited = f"Waited {seconds(io.total_s)} in total"
    if io.overlap is None:
        return f"{waited}, none of it exposed."
    if io.overlap < 1.05:
        return f"{waited}, {seconds(io.exposed_s)} of it exposed: almost nothing was saved."
    exposed = f"{waited}, {seconds(io.exposed_s)} of it exposed"
    saved = f"{seconds(io.saved_s)} saved"
    if io.overlap > concurrency:
        return f"{exposed}, the rest passed during other waits and computing: {saved}."
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
        f"{_alone(baseline)}, so this run was {figure(baseline.speedup)} × as fast{times}; "
        f"measured on {count(baseline.sample, 'URL')}."
    )


def one_by_one(found: OneByOne) -> str:
    return f"{_alone(found)}, measured on {count(found.sample, 'URL')}."


def _alone(found: OneByOne) -> str:
    between = f" (95 %: {seconds(found.low_s)} to {seconds(found.high_s)})"
    text = f"One request at a time, it would take {seconds(found.sequential_s)}"
    return text + between if found.sample > 1 else text


def model(model: Simultaneous) -> str:
    """What the model of the chess simultaneous says about this run."""
    serial = f"Waiting and computing take {seconds(model.one_by_one_s)} one after the other"
    overlapped = f"at best {seconds(model.overlapped_s)} if they overlap"
    if not model.workers:
        return f"{serial}, and {overlapped}."
    workers = count(model.workers, "parse worker")
    return f"{serial}, {overlapped}, and {seconds(model.parallel_s)} with {workers} as well."


def resting(hosts: Sequence[RestingHost], total: int) -> Iterator[str]:
    """Say of each of ``hosts`` since when it rests and why, and how many more of ``total`` do."""
    shown = hosts[:_MOST_HOSTS]
    for each in shown:
        yield f"{each.host} since {each.since:%Y-%m-%d %H:%M:%S} UTC ({each.why})"
    if total > len(shown):
        yield f"and {total - len(shown):,} more"
