"""Writes the pages of runs in any format: at the end of a session, and for ``crawler export``."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from crawler.app.output_files import fixed_fields, has_several, remove, replacing, spooled
from crawler.app.run_dir import Run, check_new
from crawler.frontier.state.status import read_offsets
from crawler.model.errors import StateError, UsageError
from crawler.model.pages import Failure, Page, Skipped
from crawler.parsing.extract.load import load_rules
from crawler.runs.layout import FAILURES, PAGES, SETTINGS, SKIPPED, STATE, is_run, is_sharded
from crawler.runs.shards import shard_directories
from crawler.settings import options
from crawler.settings.option import from_file
from crawler.sinks.base import Sink, SinkTarget
from crawler.sinks.formats import format_of, make_sink, write_file
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sinks.record_file import RecordFile, suffix_of

_BLOCK_BYTES = 1 << 20
T = TypeVar("T", Page, Failure, Skipped)


class RunRecords(msgspec.Struct, frozen=True):
    """The records that a run had committed, and what is known about its pages."""

    pages: RecordFile
    failures: RecordFile
    skips: RecordFile
    fields: tuple[str, ...] | None
    html: bool
    several: bool


def write_spooled(run: Run, check: Callable[[], None]) -> None:
    """Make the files of ``--out`` that could not be written during the session that ended.

    ``check`` is called again and again, and may raise. Raises StateError.
    """
    pages = RecordFile(run.directory / PAGES, run.store.offsets.get(PAGES, 0))
    for place in map(Path, spooled(run.settings)):
        with replacing(place) as draft:
            write_file(format_of(place), [pages], draft, check)


def export(directories: Sequence[Path], places: Sequence[Path], *, overwrite: bool) -> None:
    """Write the pages that the runs in ``directories`` have committed to each of ``places``.

    A format that has failures and skips gets those, too. A place that exists is replaced only with
    ``overwrite``. Raises UsageError and StateError.
    """
    chosen = [(place, format_of(place)) for place in places]
    runs = [records_of(each) for run in directories for each in _parts(run)]
    read = [str(each.pages.path) for each in runs]
    for place in places:
        check_new(place, read, overwrite=overwrite)
    for place, how in chosen:
        with replacing(place) as draft:
            if how.spooled:
                write_file(how, [each.pages for each in runs], draft, lambda: None)
            else:
                _write(make_sink(how, _target(draft, runs)), runs)
            check_new(place, read, overwrite=overwrite)  # it may have been made meanwhile
            remove(place)


def _parts(directory: Path) -> list[Path]:
    """The directories with the records of a run: those of its shards, or its own."""
    if not is_sharded(directory):
        return [directory]
    return [shard for _, shard in shard_directories(directory)]


def records_of(directory: Path) -> RunRecords:
    """Raises UsageError if there is no run, or if its pages are in no file that can be read."""
    if not is_run(directory):
        raise UsageError(f"there is no run in {directory}")
    stored = from_file(directory / SETTINGS, options(), of_run=True)
    values: dict[str, Any] = {name: each.value for name, each in stored.items()}
    offsets = read_offsets(directory / STATE)
    rules = load_rules(values["extract"]) if values.get("extract") else None
    return RunRecords(
        _pages(directory, values.get("out", ()), offsets),
        _file(directory, FAILURES, offsets),
        _file(directory, SKIPPED, offsets),
        fixed_fields(rules, values.get("parser")),
        bool(values.get("html")),
        has_several(rules, values.get("parser")),
    )


def _pages(directory: Path, out: Iterable[str], offsets: Mapping[str, int]) -> RecordFile:
    out = [each for each in out if each != "-"]
    if PAGES in offsets or not out:
        return _file(directory, PAGES, offsets)
    for place in map(Path, out):
        if suffix_of(place) is not None:
            return RecordFile(place, offsets.get(f"--out {place}", 0))
    raise UsageError(
        f"{directory}: its pages are only in {', '.join(out)}, from which they cannot be exported; "
        "crawl with --out pages.jsonl as well"
    )


def _file(directory: Path, name: str, offsets: Mapping[str, int]) -> RecordFile:
    return RecordFile(directory / name, offsets.get(name, 0))


def _target(path: Path, runs: Sequence[RunRecords]) -> SinkTarget:
    fields = {each.fields for each in runs}
    same = fields.pop() if len(fields) == 1 else None
    html, several = any(each.html for each in runs), any(each.several for each in runs)
    return SinkTarget(PAGES, path, fields=same, html=html, several=several)


def _write(sink: Sink, runs: Sequence[RunRecords]) -> None:
    try:
        for run in runs:
            _copy(run.pages, Page, sink.encoder.encode, sink)
            if sink.failures is not None:
                _copy(run.failures, Failure, sink.failures, sink)
            if sink.skips is not None:
                _copy(run.skips, Skipped, sink.skips, sink)
        sink.writer.commit()
    finally:
        sink.writer.close()


def _copy(source: RecordFile, kind: type[T], encode: Callable[[T], bytes], sink: Sink) -> None:
    is_same = isinstance(sink.encoder, JsonlEncoder)
    for block in source.blocks(_BLOCK_BYTES):
        chunk = block if is_same else b"".join(map(encode, _records(source, kind, block)))
        sink.writer.append(chunk)


def _records(source: RecordFile, kind: type[T], block: bytes) -> Iterator[T]:
    decode = msgspec.json.Decoder(kind).decode
    try:
        yield from map(decode, block.splitlines())
    except msgspec.MsgspecError as error:
        raise StateError(f"{source.path}: is damaged or was changed ({error})") from None
