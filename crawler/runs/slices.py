"""The records of the sessions of shards, and the report that is made of them."""

import logging
from pathlib import Path

from crawler.frontier.state.status import duplicate_pages
from crawler.metrics.merge import DriverSession, ShardRun, merge
from crawler.metrics.report import Report
from crawler.metrics.slices import SliceRecord, decode_slice, encode_slice
from crawler.model.errors import StateError, writing
from crawler.model.files import make_folder, read_file, replace_file
from crawler.runs.layout import SLICES, STATE
from crawler.runs.shards import ShardState, on_the_way, read_input, read_shards

log = logging.getLogger(__name__)


def write_slice(shard: Path, session: int, record: SliceRecord) -> None:
    """Write the record of session number ``session`` of a shard. Raises StateError."""
    path = shard / SLICES / f"{session:05d}.json"
    with writing(path):
        make_folder(path.parent)
        replace_file(path, encode_slice(record))


def read_slices(shard: Path) -> dict[int, SliceRecord]:
    """Return the records in the directory of a shard by the number of the session, in order.

    A damaged one is left out, so that its session counts as killed: the log says so.
    """
    found = {}
    for number, path in _files(shard):
        try:
            found[number] = decode_slice(_content(path), str(path))
        except StateError as error:
            log.warning("%s; the report does not have the times of this session", error)
    return found


def merged_report(directory: Path, session: DriverSession) -> Report:
    """Return the report of the sharded run in ``directory``, which has ended. Raises StateError."""
    shards = read_shards(directory)
    travelling = on_the_way(shards, read_input(directory).sent)
    return merge(map(shard_run, shards), session, sum(travelling.values()))


def shard_run(state: ShardState) -> ShardRun:
    return ShardRun(
        urls=state.urls,
        bytes=state.bytes,
        errors=state.errors,
        skips=state.skips,
        sessions=state.facts.sessions,
        slices=tuple(read_slices(state.directory).values()),
        same_content=0 if state.running else duplicate_pages(state.directory / STATE),
    )


def _files(shard: Path) -> list[tuple[int, Path]]:
    folder = shard / SLICES
    paths = folder.glob("*.json") if folder.is_dir() else ()
    return sorted((int(each.stem), each) for each in paths if each.stem.isdecimal())


def _content(path: Path) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from None
