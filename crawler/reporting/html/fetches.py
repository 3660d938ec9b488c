"""The fetches of a timeline: as compact columns for the page's script, and summed up by host."""

import math
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

import msgspec

from crawler.metrics.timeline import Line
from crawler.reporting.html.elements import visible

PHASES = ("queued", "dns", "connect", "tls", "wait", "receive", "buffered")
"""Columns of durations, in the order in which they come."""
phases: Callable[[Line], tuple[float, ...]] = attrgetter(*PHASES)
"""Seconds for each of ``PHASES``."""
_TICKS = 100_000
"""A second; a tick is 10 µs."""
_SHOWN = 20
"""Hosts in the table, for each way to rank them."""


class Columns(msgspec.Struct, frozen=True):
    """One value a fetch in each list, sorted by start; durations in ticks of 10 µs.

    ``begin`` is when a fetch started to look up its host, as the difference to the one before.
    ``host`` and ``path`` point into ``hosts`` and ``paths``, ``end`` into ``ends``: what came of
    it, a status or the kind of a failure (``failed`` tells which ends are).
    """

    hosts: list[str]
    paths: list[str]
    ends: list[str]
    failed: list[bool]
    begin: list[int]
    host: list[int]
    path: list[int]
    end: list[int]
    phases: dict[str, list[int]]


class HostFetches(msgspec.Struct, frozen=True):
    """Fetches from one host: seconds in all, median, at rank 90 %, slowest."""

    name: str
    fetches: int
    failed: int
    total: float
    median: float
    p90: float
    slowest: float


def columns(lines: Iterable[Line]) -> Columns:
    """Sort and encode ``lines``."""
    ordered = sorted(lines, key=attrgetter("t"))
    hosts: dict[str, int] = {}
    paths: dict[str, int] = {}
    ends: dict[str, int] = {}
    parts = [split(line.url) for line in ordered]
    starts = [ticks(line.t) for line in ordered]
    spans = [tuple(map(ticks, phases(line))) for line in ordered]
    return Columns(
        begin=[after - before for before, after in zip([0, *starts], starts, strict=False)],
        host=[hosts.setdefault(host, len(hosts)) for host, _ in parts],
        path=[paths.setdefault(path, len(paths)) for _, path in parts],
        end=[ends.setdefault(outcome(line), len(ends)) for line in ordered],
        phases={name: [span[k] for span in spans] for k, name in enumerate(PHASES)},
        hosts=list(map(visible, hosts)),
        paths=list(map(visible, paths)),
        ends=list(ends),
        failed=[not end.isdigit() for end in ends],
    )


def ticks(seconds: float) -> int:
    return round(seconds * _TICKS)


def split(url: str) -> tuple[str, str]:
    """``https://host:port`` and the rest."""
    slash = url.find("/", url.find("://") + 3)
    return (url[:slash], url[slash:]) if slash > 0 else (url, "")


def outcome(line: Line) -> str:
    """Name what came of a fetch: its status or the kind of its failure."""
    return str(line.status) if line.error is None else line.error.value


def top_hosts(lines: Iterable[Line]) -> list[HostFetches]:
    """Those with the most fetches and those that took the most time, most fetches first."""
    by_host: dict[str, list[Line]] = {}
    for line in lines:
        by_host.setdefault(split(line.url)[0], []).append(line)
    hosts = [_host(name, fetched) for name, fetched in by_host.items()]
    slow = sorted(hosts, key=lambda host: -host.total)[:_SHOWN]
    hosts.sort(key=lambda host: -host.fetches)
    return hosts[:_SHOWN] + [host for host in slow if host not in hosts[:_SHOWN]]


def _host(name: str, lines: Sequence[Line]) -> HostFetches:
    totals = sorted(line.total for line in lines)
    return HostFetches(
        name=name,
        fetches=len(lines),
        failed=sum(line.error is not None for line in lines),
        total=sum(totals),
        median=_rank(totals, 0.5),
        p90=_rank(totals, 0.9),
        slowest=totals[-1],
    )


def _rank(ordered: Sequence[float], share: float) -> float:
    """Take the value at nearest rank, as the report's own percentiles do."""
    return ordered[math.ceil(share * len(ordered)) - 1]
