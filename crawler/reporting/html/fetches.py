"""The fetches of a timeline: as compact columns for the page's script, and totals by host."""

import math
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

import msgspec

from crawler.metrics.timeline import Line
from crawler.reporting.html.elements import visible

PHASES = ("queued", "dns", "connect", "tls", "wait", "receive", "buffered")
"""Columns of durations, in the order of time."""
phases: Callable[[Line], tuple[float, ...]] = attrgetter(*PHASES)
"""Returns the seconds of each of ``PHASES``."""
_TICKS = 100_000
"""Ticks in a second; a tick is 10 µs."""
_HOST_END = len("http://x")
"""The first place where the name of a host can end."""
_SHOWN = 20
"""Number of hosts in the table, for each of the two rankings."""


class Columns(msgspec.Struct, frozen=True):
    """Lists with one value per fetch, sorted by start; times are in ticks of 10 µs.

    ``begin`` is when the lookup of the host started, as the difference to the fetch before.
    ``host``, ``path`` and ``end`` are indexes into ``hosts``, ``paths`` and ``ends``. An end is a
    status code or a failure kind; ``failed`` is True for the ends that are failures.
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
    """Fetches from one host; total, median, 90th percentile and slowest are in seconds."""

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
    starts = _ticks(ordered, "t")
    parts = [split(line.url) for line in ordered]
    hosts, host = _indexed([each for each, _ in parts])
    paths, path = _indexed([each for _, each in parts])
    ends, end = _indexed([outcome(line) for line in ordered])
    return Columns(
        begin=[after - before for before, after in zip([0, *starts], starts, strict=False)],
        host=host,
        path=path,
        end=end,
        phases={name: _ticks(ordered, name) for name in PHASES},
        hosts=list(map(visible, hosts)),
        paths=list(map(visible, paths)),
        ends=ends,
        failed=[not each.isdigit() for each in ends],
    )


def _ticks(lines: Iterable[Line], name: str) -> list[int]:
    """The seconds in the field ``name``, in ticks; most of them are 0."""
    return [round(seconds * _TICKS) if seconds else 0 for seconds in map(attrgetter(name), lines)]


def _indexed(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The different ``texts`` in the order of the first of each, and the index there of each."""
    different = list(dict.fromkeys(texts))
    places = {text: place for place, text in enumerate(different)}
    return different, [places[text] for text in texts]


def split(url: str) -> tuple[str, str]:
    """Split ``url`` after ``https://host:port``."""
    slash = url.find("/", _HOST_END)
    return (url[:slash], url[slash:]) if slash > 0 else (url, "")


def outcome(line: Line) -> str:
    """How a fetch ended: its status code or its failure kind."""
    return str(line.status) if line.error is None else line.error.value


def top_hosts(lines: Iterable[Line]) -> list[HostFetches]:
    """The hosts with the most fetches, then those that took the most time."""
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
    """The value at nearest rank, as in the percentiles of ``report.json``."""
    return ordered[math.ceil(share * len(ordered)) - 1]
