"""State files with some entries."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from crawler.frontier.entry import Candidate, Wrong
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
