"""Reads the state of a run from another process, also during its crawl."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec

from crawler.frontier.entry import Counts
from crawler.frontier.state.connection import WAIT_S, connect, state_errors
from crawler.frontier.state.schema import check_version
from crawler.frontier.state.store import DUPLICATES, ENDED

_BUSIEST = """
SELECT host, count(*) AS pending FROM entries WHERE state = 0 AND host != ''
GROUP BY host ORDER BY pending DESC, host LIMIT ?
"""
_BUSIEST_AT_END = """
SELECT host, sum(pending) AS pending FROM tallies WHERE host != ''
GROUP BY host HAVING pending > 0 ORDER BY pending DESC, host LIMIT ?
"""


def read_counts(
    path: Path, *, wait: float = WAIT_S, quiet: bool = False
) -> tuple[Counts, dict[str, str]]:
    """Return the counts and facts of a run at its last commit.

    Raises StateError; StateHeldError if a process has the state for itself for ``wait`` seconds. If
    the caller knows that no process crawls the run, ``quiet`` takes a fifth of the time.
    """
    with _opened(path, wait, quiet) as connection:
        facts = dict(connection.execute("SELECT name, value FROM facts"))
        return msgspec.json.decode(facts.pop("counts", "{}"), type=Counts), facts


def read_offsets(path: Path) -> dict[str, int]:
    """Return the length of each output at the last commit, by its name. Raises StateError."""
    _, facts = read_counts(path)
    with state_errors(path):
        return msgspec.json.decode(facts.get("offsets", "{}"), type=dict[str, int])


def busiest(path: Path, most: int, *, wait: float = WAIT_S, quiet: bool = False) -> dict[str, int]:
    """Return the number of pending entries of the ``most`` busiest hosts, in descending order.

    They are those of the last commit. Raises StateError, see ``read_counts``.
    """
    with _opened(path, wait, quiet) as connection:
        has_ended = "SELECT 1 FROM facts WHERE name = ?"
        is_counted = connection.execute(has_ended, (ENDED,)).fetchone() is not None
        return dict(connection.execute(_BUSIEST_AT_END if is_counted else _BUSIEST, (most,)))


def duplicate_pages(path: Path) -> int:
    """Return the number of pages with the same content as another page of the run.

    Raises StateError.
    """
    with _opened(path, WAIT_S, quiet=False) as connection:
        return int(connection.execute(DUPLICATES).fetchone()[0])


@contextmanager
def _opened(path: Path, wait: float, quiet: bool) -> Iterator[sqlite3.Connection]:
    """Raises StateError, also for errors of SQLite and of decoding in the context."""
    with state_errors(path), ExitStack() as undo:
        is_whole = quiet and not _has_log(path)
        connection = connect(path, read_only=True, wait=wait, quiet=is_whole)
        undo.enter_context(closing(connection))
        check_version(path, connection)
        yield connection


def last_commit(path: Path) -> float:
    """Return when the state at ``path`` was last written (Unix time, 0.0 for never)."""
    found = [each.stat() for each in (path, _log(path)) if each.exists()]
    # A reader may create an empty log, which is not a commit.
    return max((each.st_mtime for each in found if each.st_size), default=0.0)


def _has_log(path: Path) -> bool:
    """Whether commits may stand in the log alone."""
    log = _log(path)
    return log.exists() and log.stat().st_size > 0


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
