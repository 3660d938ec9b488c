"""State files with some entries."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from crawler.frontier.entry import Candidate, State, Wrong
from crawler.frontier.state.store import Store
from crawler.model.errors import FailureKind, SkipReason
from crawler.model.urls import host_name, key


def new(number: int, url: str | None = None, depth: int = 0, **changes: object) -> Candidate:
    url = url or f"http://a.example/{number}"
    values = {"seed": None if not depth else "http://a.example/", "spilled": 1, **changes}
    return Candidate(number, key(url), url, host_name(url), depth, **values)  # type: ignore[arg-type]


NOT_A_URL = Wrong(FailureKind.URL, None, "not a URL")
TRAP = Wrong(None, SkipReason.TRAP, "longer than 9 characters")


def committed(
    path: Path, *news: Candidate, offsets: Mapping[str, int] = MappingProxyType({})
) -> None:
    """A state file that knows ``news``."""
    store = Store.create(path)
    store.add(news, len(news))
    store.commit(offsets)
    store.close()


def in_file(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def assert_counted(store: Store) -> None:
    """What the state has counted is what a scan finds, and all pending entries wait on disk."""
    scan = store._connection.execute("SELECT host, depth, state, spilled FROM entries").fetchall()
    assert all(spilled == (state == State.PENDING) for *_, state, spilled in scan)
    pending = [(host, depth) for host, depth, state, _ in scan if state == State.PENDING]
    assert store.pending() == Counter(host for host, _ in pending)
    assert store.depths() == Counter(depth for _, depth in pending)
    ended = (State.DONE, State.FAILED)
    assert store.fetched() == Counter(host for host, _, state, _ in scan if state in ended)
