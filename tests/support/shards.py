"""Invented sharded runs on disk."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from crawler.frontier.entry import Candidate, Final
from crawler.frontier.state.store import Store
from crawler.runs.layout import LOCK, SETTINGS, SHARDS, STATE

NOTHING: Mapping[str, object] = MappingProxyType({})
NO_OFFSETS: Mapping[str, int] = MappingProxyType({})
UNSENT: Mapping[int, int] = MappingProxyType({})


def make_run(directory: Path, sent: Mapping[int, int] = UNSENT, *, is_read: bool = True) -> Path:
    """A sharded run without shards; ``sent`` by its input, which was read unless said."""
    (directory / SHARDS).mkdir(parents=True)
    (directory / SETTINGS).write_text("concurrency = 4\n")
    note_input(directory, sent, is_read=is_read)
    return directory


def note_input(directory: Path, sent: Mapping[int, int], *, is_read: bool = True) -> None:
    """Write the state of the input anew."""
    (directory / STATE).unlink(missing_ok=True)
    store = Store.create(directory / STATE)
    store.commit({}, {"sent": json.dumps(dict(sent)), "input": "read" if is_read else "open"})
    store.close()


def make_shard(
    run: Path,
    number: int,
    news: Iterable[Candidate] = (),
    finals: Iterable[Final] = (),
    facts: Mapping[str, object] = NOTHING,
    offsets: Mapping[str, int] = NO_OFFSETS,
) -> Path:
    """A shard whose state has these entries; ``facts`` are stored as JSON, texts as they are."""
    directory = run / SHARDS / f"{number:04d}"
    directory.mkdir()
    store = Store.create(directory / STATE)
    found, ended = list(news), list(finals)
    if found:
        store.add(found, len(found))
    if ended:
        store.finish(ended, size=100 * len(ended))
    written = {"input": "read", "shards": 4, "sessions": 1, **facts}
    texts = {
        name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in written.items()
    }
    store.commit(offsets, texts)
    store.close()
    return directory


@contextmanager
def crawled(directory: Path) -> Iterator[None]:
    """Lock ``directory`` as the process that crawls it."""
    file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(file)
