"""``--again``: failures and skips become pending again, in the state and in the files at once.

1. Each file is written without their records into a draft beside it, which is made durable.
2. One transaction makes the entries pending, and stores the names of the files.
3. The drafts are renamed over the files.
4. Another transaction removes the names from the state.
5. Other outputs that have failures forget them; then the state forgets that they must.

A kill before the end of step 2 changes nothing: drafts that the state does not name are deleted.
After a later kill, the next resume takes the steps that are left.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from types import MappingProxyType

import msgspec

from crawler.app.run_dir import Run
from crawler.frontier.entry import Wrong
from crawler.frontier.state.store import Store
from crawler.model.errors import FailureKind, SkipReason, StateError, writing
from crawler.model.files import check_file, sync
from crawler.reporting.live import journal
from crawler.runs.layout import FAILURES, SKIPPED
from crawler.sinks.base import ForgettingWriter, Writer

_FILES = (FAILURES, SKIPPED)
_DRAFTS = "drafts"
"""Name of the fact that has the names of the files whose drafts must be renamed."""
_FORGOTTEN = "forgotten ends"
"""Name of the fact that has the kinds and reasons that other outputs have still to forget."""


class _EndRecord(msgspec.Struct, frozen=True):
    """The fields of a failure or a skip that are needed here."""

    url: str
    message: str
    error: FailureKind | None = None
    reason: SkipReason | None = None


def put_back(
    run: Run, ends: frozenset[str], facts: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Put back what has these ``ends``; complete first what a kill interrupted.

    ``facts`` become true in the same act. Call it before the outputs are opened. Raises StateError.
    """
    _complete(run.directory, run.store)
    if not ends:
        return
    store = run.store
    lines = store.unfetchable(ends)
    offsets = dict(store.offsets)
    wrong: dict[int, Wrong] = {}
    names = [name for name in _FILES if offsets.get(name)]
    with writing(run.directory):
        for name in names:
            path = run.directory / name
            wrong |= _write_draft(path, offsets[name], ends, lines)
            offsets[name] = _draft(path).stat().st_size
        sync(run.directory)
    count = store.put_back(ends, wrong)
    changed = {**facts, _DRAFTS: _json(names), _FORGOTTEN: _json(sorted(ends))}
    store.commit(offsets, changed)
    store.sync()
    _complete(run.directory, store)
    journal.put_back(count, sorted(ends))


def forget(run: Run, writers: Iterable[Writer]) -> None:
    """Let the outputs forget what ``put_back`` put back; call it after they were cut.

    Raises StateError.
    """
    ends = msgspec.json.decode(run.store.facts.get(_FORGOTTEN, "[]"), type=list[str])
    if ends:
        for writer in writers:
            if isinstance(writer, ForgettingWriter):
                writer.forget(ends)
        run.store.commit(run.store.offsets, {_FORGOTTEN: "[]"})
        run.store.sync()


def _json(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()


def _complete(directory: Path, store: Store) -> None:
    """Rename the drafts that the state names, and delete others."""
    names = msgspec.json.decode(store.facts.get(_DRAFTS, "[]"), type=list[str])
    with writing(directory):
        for path in (directory / name for name in _FILES):
            check_file(path)
            check_file(_draft(path))
            if path.name not in names:
                _draft(path).unlink(missing_ok=True)
            elif _draft(path).exists():
                _draft(path).rename(path)
        sync(directory)
    if names:
        store.commit(store.offsets, {_DRAFTS: "[]"})
        store.sync()


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.draft")


def _write_draft(
    path: Path, size: int, ends: frozenset[str], lines: Mapping[str, int]
) -> dict[int, Wrong]:
    """Write the first ``size`` bytes of ``path`` without the records with these ``ends``.

    Returns what the removed records say about ``lines``, the ids of entries by URL.
    """
    decode = msgspec.json.Decoder(_EndRecord).decode
    wrong = {}
    try:
        with path.open("rb") as file, _draft(path).open("xb") as draft:
            for line in _committed(file, size):
                record = decode(line)
                if (record.error or record.reason) not in ends:
                    draft.write(line)
                elif record.url in lines:
                    wrong[lines[record.url]] = Wrong(record.error, record.reason, record.message)
            draft.flush()
            os.fsync(draft.fileno())
    except (msgspec.DecodeError, EOFError):
        raise StateError(f"{path}: was changed, so its records cannot be removed") from None
    return wrong


def _committed(file: BufferedReader, size: int) -> Iterator[bytes]:
    """Yield the lines in the first ``size`` bytes. Raises EOFError unless they end there."""
    while size > 0:
        line = file.readline()
        size -= len(line)
        if not line or size < 0:
            raise EOFError
        yield line
