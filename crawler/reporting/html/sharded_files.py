"""Reads the files of a sharded run for its report: those of its shards as one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import msgspec

from crawler.metrics.report import Report
from crawler.metrics.slices import SliceRecord
from crawler.metrics.time_axis import SessionSpan, TimeAxis, responses_per_second
from crawler.metrics.timeline import LIMIT, Line
from crawler.model.pages import Failure, Skipped
from crawler.reporting.html.run_files import (
    EXAMPLES,
    ROWS,
    RunFiles,
    ShardedFiles,
    ShardRow,
    decode_record,
    examples,
    list_files,
    read_lines,
    read_record,
    read_settings,
    unreadable,
)
from crawler.runs.layout import FAILURES, SHARDS, SKIPPED
from crawler.runs.shards import ShardState, read_shards
from crawler.runs.slices import read_slices

T = TypeVar("T")

TIMELINES = 64
"""The timelines of at most so many shards are read."""
RECORDS = 200_000
"""Of all failures and skips, at most so many are looked at for examples."""
_STEPS = 120
"""Of the chart of responses."""


class _LastSession(msgspec.Struct, frozen=True):
    """The last session of a shard, and when its first entry was there (Unix time)."""

    timeline: Path
    since: float
    responses: int


def read_sharded_run(directory: Path) -> RunFiles:
    """Like ``read_run``, for a sharded crawl. Raises StateError."""
    report = read_record(directory / "report.json", Report)
    shards = read_shards(directory)
    spans: list[SessionSpan] = []
    rows: list[ShardRow] = []
    last: list[_LastSession] = []
    for shard in shards:
        slices = read_slices(shard.directory)
        spans += map(_span, slices.values())
        rows.append(_row(shard, len(slices)))
        last += _last(shard, slices)
    axis, last = TimeAxis(spans), _some(last)
    return RunFiles(
        name=directory.resolve().name,
        report=report,
        timeline=list(_timeline(last, axis)),
        failures=_examples(shards, FAILURES, Failure, lambda each: each.error.value, report.errors),
        skips=_examples(shards, SKIPPED, Skipped, lambda each: each.reason.value, report.skips),
        settings=read_settings(directory / "settings.toml"),
        files=list(list_files(directory)),
        sharded=ShardedFiles(
            rows=tuple(_worst(rows)),
            responses=tuple(responses_per_second(spans, axis, _STEPS)) if axis.length else (),
            time_s=axis.length,
            timelines=len(last),
            of_timelines=sum(each.responses for each in last),
        ),
    )


def _span(record: SliceRecord) -> SessionSpan:
    return SessionSpan(record.fetching_since, record.ended, record.responses)


def _row(shard: ShardState, ended: int) -> ShardRow:
    urls, sessions = shard.urls, shard.facts.sessions
    return ShardRow(
        name=shard.directory.name,
        place=f"{SHARDS}/{shard.directory.name}",
        pages=urls.done,
        failed=urls.failed,
        pending=urls.pending,
        sessions=sessions,
        killed=max(0, sessions - ended),
    )


def _worst(rows: Sequence[ShardRow]) -> Sequence[ShardRow]:
    """All of them by number or, if they are too many, those that went worst."""
    if len(rows) <= ROWS:
        return rows
    return sorted(rows, key=lambda each: (-each.killed, -each.pending, -each.failed))[:ROWS]


def _last(shard: ShardState, slices: dict[int, SliceRecord]) -> Iterator[_LastSession]:
    """The last session of a shard, whose timeline is there; nothing if it was killed."""
    if slices and not shard.running and max(slices) == shard.facts.sessions:
        last = slices[max(slices)]
        path = shard.directory / "timeline.jsonl"
        yield _LastSession(path, last.fetching_since, last.responses)


def _some(sessions: Sequence[_LastSession]) -> list[_LastSession]:
    """At most ``TIMELINES`` of them, at equal distances."""
    most = min(len(sessions), TIMELINES)
    return [sessions[number * len(sessions) // most] for number in range(most)]


def _timeline(sessions: Iterable[_LastSession], axis: TimeAxis) -> Iterator[Line]:
    for line, session in even_sample(chain.from_iterable(map(_lines, sessions)), LIMIT):
        found = decode_record(session.timeline, line, Line)
        yield msgspec.structs.replace(found, t=axis.at(session.since) + found.t)


def _lines(session: _LastSession) -> Iterator[tuple[bytes, _LastSession]]:
    """Not decoded yet: most of them may be left out."""
    try:
        with session.timeline.open("rb") as file:
            for line in file:
                yield line, session
    except OSError as error:
        raise unreadable(session.timeline, error) from None


def even_sample(items: Iterable[T], most: int) -> list[T]:
    """Every n-th of ``items``, with the smallest power of two for which they are at most ``most``.

    ``most`` is at least 1.
    """
    kept: list[T] = []
    stride = 1
    for number, item in enumerate(items):
        if number % stride == 0 and len(kept) == most:
            kept, stride = kept[::2], stride * 2
        if number % stride == 0:
            kept.append(item)
    return kept


def _examples(
    shards: Sequence[ShardState],
    name: str,
    kind: type[T],
    kind_of: Callable[[T], str],
    counts: dict[str, int],
) -> list[T]:
    """Like those of one crawl, from the part of each shard's file that was committed."""
    most = max(EXAMPLES, RECORDS // max(1, len(shards)))
    records = chain.from_iterable(islice(_committed(each, name, kind), most) for each in shards)
    return examples(((kind_of(each), each) for each in records), counts)


def _committed(shard: ShardState, name: str, kind: type[T]) -> Iterator[T]:
    end = shard.facts.offsets.get(name, 0)
    return read_lines(shard.directory / name, kind, end) if end else iter(())
