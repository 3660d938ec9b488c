"""Counts entries by host and depth, so that the next session need not read them all.

The counts of a session are added to those in the file when it ends in order. After a kill, all
entries are counted again.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

from crawler.frontier.entry import Candidate, Entry, Final, State

_FETCHED = (State.DONE, State.FAILED)
MANY = 20_000
"""Counts in memory, of hosts and depths; more are written before the end of the session."""

CREATE = (
    "CREATE TABLE IF NOT EXISTS tallies (host TEXT, depth INTEGER, pending INTEGER NOT NULL, "
    "fetched INTEGER NOT NULL, PRIMARY KEY (host, depth)) WITHOUT ROWID"
)
_CHANGE = """
INSERT INTO tallies SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?) WHERE true
ON CONFLICT (host, depth) DO UPDATE SET
    pending = pending + excluded.pending, fetched = fetched + excluded.fetched
"""
_ALL = """
INSERT INTO tallies SELECT host, depth, sum(state = 0), sum(state IN (1, 2)) FROM entries
GROUP BY host, depth
"""
_PLACE = "SELECT host, depth FROM entries WHERE id = ?"
_PENDING_BY_HOST = "SELECT host, sum(pending) AS n FROM tallies GROUP BY host HAVING n > 0"
_PENDING_BY_DEPTH = "SELECT depth, sum(pending) AS n FROM tallies GROUP BY depth HAVING n > 0"
_FETCHED_BY_HOST = "SELECT host, sum(fetched) AS n FROM tallies GROUP BY host HAVING n > 0"


class Tally(msgspec.Struct, array_like=True):
    """How much the counts of one host and depth have changed. Not frozen: each entry changes it.

    ``pending`` entries are not final, ``fetched`` ones are done or failed.
    """

    host: str
    depth: int
    pending: int = 0
    fetched: int = 0


class Tallies:
    """The changes that are not in the file yet, and the ids of the entries in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._changed: dict[tuple[str, int], Tally] = {}
        self._in_memory: dict[int, Tally] = {}

    def add(self, candidates: Sequence[Candidate], added: set[int]) -> None:
        """Those of ``candidates`` that were ``added`` are pending."""
        if len(added) < len(candidates):
            candidates = [each for each in candidates if each.id in added]
        known, in_memory = self._changed.get, self._in_memory
        for each in candidates:
            host, depth = each.host, each.depth
            tally = known((host, depth)) or self._of(host, depth)
            tally.pending += 1
            if not each.spilled:
                in_memory[each.id] = tally

    def take(self, entries: Sequence[Entry]) -> None:
        """``entries`` were loaded into memory."""
        for entry in entries:
            self._in_memory[entry.id] = self._of(entry.host, entry.depth)

    def finish(self, finals: Sequence[Final]) -> None:
        """Entries that were pending have these final states."""
        take, find = self._in_memory.pop, self._find
        for final in finals:
            tally = take(final.id, None) or find(final.id)
            tally.pending -= 1
            tally.fetched += final.state in _FETCHED

    def _find(self, number: int) -> Tally:
        """Return the counts for an entry that was not loaded into memory."""
        return self._of(*self._connection.execute(_PLACE, (number,)).fetchone())

    def _of(self, host: str, depth: int) -> Tally:
        tally = self._changed.get((host, depth))
        if tally is None:
            tally = self._changed[host, depth] = Tally(host, depth)
        return tally

    def relieve(self) -> None:
        """Write the changes if they are many; call it before a commit."""
        if len(self._changed) > MANY:
            self._write()
            used = self._in_memory.values()
            self._changed = {(tally.host, tally.depth): tally for tally in used}

    def end(self) -> list[int]:
        """Write the changes; return the ids of the entries in memory, which are not final."""
        self._write()
        in_memory = list(self._in_memory)
        self._changed, self._in_memory = {}, {}
        return in_memory

    def _write(self) -> None:
        changed = [each for each in self._changed.values() if each.pending or each.fetched]
        self._connection.execute(_CHANGE, (_json(changed),))
        for each in changed:
            each.pending = each.fetched = 0


def recount(connection: sqlite3.Connection) -> None:
    """Count all entries of the file again."""
    connection.execute("DELETE FROM tallies")
    connection.execute(_ALL)


def pending_by_host(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of entries that are not final, as it was when the session began."""
    return dict(connection.execute(_PENDING_BY_HOST))


def pending_by_depth(connection: sqlite3.Connection) -> dict[int, int]:
    """Like ``pending_by_host``."""
    return dict(connection.execute(_PENDING_BY_DEPTH))


def fetched_by_host(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of entries that were done or failed when the session began."""
    return dict(connection.execute(_FETCHED_BY_HOST))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
