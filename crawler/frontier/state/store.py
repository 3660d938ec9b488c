"""The state of a run in SQLite: every entry with its state, and the durable length of each output.

A batch of entries goes to SQLite as one JSON text in one statement. With one statement per row,
each statement would have to acquire the GIL again, and next to a busy thread that takes
milliseconds per row.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Self

import msgspec

from crawler.frontier.entry import Candidate, Counts, Entry, Final, State, Wrong
from crawler.frontier.learned import Learned
from crawler.frontier.state import (
    again,
    continued_table,
    kept_cookies,
    learned_tables,
    login_table,
    tallies,
)
from crawler.frontier.state.connection import connect, state_errors
from crawler.frontier.state.schema import SCHEMA, VERSION, check_version, migrate
from crawler.model.errors import SkipReason, StateError, writing
from crawler.model.files import sync

_DONE = State.DONE
NO_FACTS: Mapping[str, str] = MappingProxyType({})
NO_LOGINS: Mapping[str, str] = MappingProxyType({})
_ADD = """
INSERT OR IGNORE INTO entries (id, key, url, host, depth, seed, spilled, row, why)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7,
       value->>8
FROM json_each(?)
"""
_ADDED = "SELECT json_group_array(id) FROM entries WHERE id BETWEEN ? AND ?"
_FINISH = """
UPDATE entries SET state = final.state, why = final.why, digest = final.digest, spilled = 0
FROM (SELECT value->>0 AS id, value->>1 AS state, value->>2 AS why, value->>3 AS digest
      FROM json_each(?)) AS final
WHERE entries.id = final.id
"""
_TAILS = """
SELECT json_group_array(json_array(
    entry.id, entry.url, host, depth, coalesce(seed, entry.url), row, json(why),
    json(continued.next)
))
FROM json_each(?) AS wanted JOIN entries AS entry ON entry.id IN
    (SELECT id FROM entries WHERE spilled AND host = wanted.value->>0 AND id > wanted.value->>1
     AND id <= ? ORDER BY id LIMIT ?)
LEFT JOIN continued ON continued.id = entry.id
"""
_SPILL = """
UPDATE entries SET spilled = 1 WHERE id IN (SELECT value FROM json_each(?)) AND NOT spilled
"""
_SPILL_ALL = "UPDATE entries SET spilled = (state = 0) WHERE spilled <> (state = 0)"
_FACTS = "INSERT OR REPLACE INTO facts SELECT key, value FROM json_each(?)"
_STRUCTURE = "PRAGMA quick_check(1)"
ENDED = "ended"
"""Name of the fact that the last session ended in order: it has the Unix time of its last commit.
The first commit of the next session removes it.
"""
_CONTINUES = "DELETE FROM facts WHERE name = ?"
_NAMED = "INSERT OR IGNORE INTO named SELECT value FROM json_each(?)"
DUPLICATES = """
SELECT coalesce(sum(pages - 1), 0)
FROM (SELECT count(*) AS pages FROM entries WHERE digest IS NOT NULL GROUP BY digest)
"""


class Store:
    """The state file of a run. Not thread-safe: use it from one thread.

    ``create`` and ``open`` begin a session; changes are durable only after ``commit``, and ``end``
    is the last commit of a session that ends in order. All methods raise StateError if the file
    cannot be read or written; after that the store is unusable.

    ``ended`` is when the session before ended in order (Unix time), or None. An ``exclusive`` store
    needs no memory that processes share, so its file may be on a network file system; meanwhile no
    other process can read it, not even on this machine.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, outputs: Sequence[str] = ()
    ) -> None:
        self._path = path
        self._connection = connection
        self._broken: StateError | None = None  # every call after the first error raises it again
        with self._errors():
            found = dict(connection.execute("SELECT name, value FROM facts"))
            self.last_id: int = connection.execute("SELECT max(id) FROM entries").fetchone()[0] or 0
            connection.execute("BEGIN")
        self.facts: dict[str, str] = found
        self.counts = msgspec.json.decode(found.pop("counts", "{}"), type=Counts)
        self.offsets = _offsets(found.pop("offsets", "{}"), outputs)
        ended = found.pop(ENDED, None)
        self.ended = None if ended is None else float(ended)
        self._is_ended = ended is not None
        self._tallies = tallies.Tallies(connection)

    @classmethod
    def create(cls, path: Path, *, exclusive: bool = False) -> Self:
        """Create the state file ``path``, which must not exist; only its owner may read it.

        What this session commits survives a kill, but a loss of power only after the file was
        closed and synced: once is enough for a file that nobody knows yet, and takes a fifth of
        the time.
        """
        with writing(path):
            path.touch(mode=0o600, exist_ok=False)
        with state_errors(path), ExitStack() as undo:
            connection = undo.enter_context(closing(connect(path, exclusive=exclusive)))
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
            store = cls(path, connection)
            undo.pop_all()
        return store

    @classmethod
    def open(cls, path: Path, outputs: Sequence[str] = (), *, exclusive: bool = False) -> Self:
        """Open a file that ``create`` made; all pending entries then wait on disk.

        If the session before ended in order, this takes a short time however many entries there
        are. Else the whole file is checked. Damage that comes later is found where it is read.
        ``outputs`` are the names of the outputs in the order in which version 1 numbered them.
        """
        with state_errors(path), ExitStack() as undo:
            connection = undo.enter_context(closing(connect(path, exclusive=exclusive)))
            version = check_version(path, connection)
            store = cls(path, connection, outputs)
            with store._errors():
                store._check()
                if store.ended is None:
                    connection.execute(_SPILL_ALL)
                if version < VERSION:
                    migrate(connection, version, store.facts)
                if store.ended is None:
                    tallies.recount(connection)
            undo.pop_all()
        return store

    def _check(self) -> None:
        """Raise StateError if the file is damaged. After an end in order, only what is missing at
        its end is found here: all else would be read for that.
        """
        damage = "ok"
        if self._path.stat().st_size % self._connection.execute("PRAGMA page_size").fetchone()[0]:
            damage = "its end is missing"
        elif self.ended is None:
            damage = " ".join(self._connection.execute(_STRUCTURE).fetchone()[0].split())
        if damage != "ok":
            raise StateError(f"{self._path}: is damaged ({damage}); it was not changed")

    def add(
        self,
        candidates: Sequence[Candidate],
        lines: int = 0,
        named: Sequence[str] = (),
        logins: Mapping[str, str] = NO_LOGINS,
    ) -> set[int]:
        """Enter those of ``candidates`` (ids ascending) whose key is new; return their ids.

        ``lines`` is the number of input lines from which they came, ``named`` the origins of the
        input among them, ``logins`` the ``user:password`` of the input by origin.
        """
        added = self._insert(candidates) if candidates else set()
        with self._errors():
            if named:
                self._connection.execute(_NAMED, (_json(named),))
            if logins:
                login_table.add(self._connection, logins)
        inputs = [each.id for each in candidates if not each.depth]
        new_inputs = sum(each in added for each in inputs)
        self.counts.input += new_inputs
        self.counts.duplicates += len(inputs) - new_inputs
        self.counts.discovered += len(added) - new_inputs
        self.counts.taken += lines
        return added

    def _insert(self, candidates: Sequence[Candidate]) -> set[int]:
        with self._errors():
            count = self._connection.execute(_ADD, (_json(candidates),)).rowcount
            added = {each.id for each in candidates}
            if count < len(candidates):
                ids = candidates[0].id, candidates[-1].id
                found = self._connection.execute(_ADDED, ids).fetchone()[0]
                added = msgspec.json.decode(found, type=set[int])
            continued_table.add(
                self._connection, [each for each in candidates if each.next and each.id in added]
            )
        self._tallies.add(candidates, added)
        return added

    def take(self, hosts: Sequence[str], most: int, last_id: int) -> list[Entry]:
        """Take the next entries of each of ``hosts`` from disk, at most ``most`` per host.

        Entries after ``last_id`` stay on disk: the caller does not know them yet.
        """
        wanted = _json(self._tallies.taken(hosts))
        with self._errors():
            found = self._connection.execute(_TAILS, (wanted, last_id, most)).fetchone()[0]
            entries = msgspec.json.decode(found, type=list[Entry])
        self._tallies.take(entries)
        return entries

    def pending(self) -> dict[str, int]:
        """Return the number of entries that are not final, by host."""
        with self._errors():
            return tallies.pending_by_host(self._connection)

    def depths(self) -> dict[int, int]:
        """Return the number of entries that are not final, by depth."""
        with self._errors():
            return tallies.pending_by_depth(self._connection)

    def fetched(self) -> dict[str, int]:
        """Return the number of entries that are done or failed, by host."""
        with self._errors():
            return tallies.fetched_by_host(self._connection)

    def named(self) -> Iterator[str]:
        """Return the origins of the input, which have more rights than other origins."""
        with self._errors():
            return iter([origin for (origin,) in self._connection.execute("SELECT * FROM named")])

    def logins(self) -> dict[str, str]:
        """Return ``user:password`` of the input, by origin."""
        with self._errors():
            return login_table.read(self._connection)

    def learned(self, now: float) -> Learned:
        """Return what earlier sessions knew, at the Unix time ``now``."""
        with self._errors():
            return learned_tables.read(self._connection, now)

    def learn(self, learned: Learned) -> None:
        """Store what the next session must know in addition."""
        with self._errors():
            learned_tables.write(self._connection, learned)

    def finish(self, finals: Sequence[Final], filtered: int = 0, size: int = 0) -> None:
        """Store final states and count them; ``size`` is the bytes of the pages among them.

        ``filtered`` links were found that became no entries.
        """
        self.counts.filtered += filtered
        self.counts.bytes += size
        with self._errors():
            self._connection.execute(_FINISH, (_json(finals),))
            self._tallies.finish(finals)
        without_page = [final for final in finals if final.state is not _DONE]
        self.counts.done += len(finals) - len(without_page)
        for final in without_page:
            self.counts.end(final)

    def unfetchable(self, ends: Iterable[str]) -> dict[str, int]:
        """Return the ids of lines and links that could not be fetched and have these ``ends``."""
        with self._errors():
            return again.unfetchable(self._connection, ends)

    def put_back(self, ends: Collection[str], wrong: Mapping[int, Wrong]) -> int:
        """Make entries pending, see ``again.put_back``; return their number.

        If robots.txt has forbidden some of them, each robots.txt is asked for again.
        """
        with self._errors():
            count = again.put_back(self._connection, ends, wrong)
            tallies.recount(self._connection)
            if SkipReason.ROBOTS in ends:
                learned_tables.forget_robots(self._connection)
        for name in ends:
            self.counts.errors.pop(name, None)
            self.counts.skips.pop(name, None)
        return count

    def sync(self) -> None:
        """Make the last commit durable: also a loss of power does not undo it any more."""
        log = self._path.with_name(f"{self._path.name}-wal")
        with writing(log):
            for path in (log, log.parent):
                sync(path)

    def keep_cookies(self, changes: kept_cookies.Changes) -> None:
        with self._errors():
            kept_cookies.keep_cookies(self._connection, changes)

    def cookies(self) -> list[str]:
        """Return the cookies as JSON, in the order in which they were set; keep them secret."""
        with self._errors():
            return kept_cookies.kept_cookies(self._connection)

    def commit(self, offsets: Mapping[str, int], facts: Mapping[str, str] = NO_FACTS) -> None:
        """Make all changes durable; ``offsets`` is the length in bytes of each output by name.

        ``facts`` are kept by name, in addition to those of earlier commits. Where the ``input`` was
        read and nothing is pending, the logins that no resume can need are deleted.
        """
        with self._errors():
            self._tallies.relieve()
        self._commit(offsets, facts, ended=None)

    def end(
        self, offsets: Mapping[str, int], facts: Mapping[str, str] = NO_FACTS, *, now: float
    ) -> None:
        """``commit`` at ``now`` (Unix time), after which nothing else happens in this session."""
        with self._errors():
            self._connection.execute(_SPILL, (_json(self._tallies.end()),))
        self._commit(offsets, facts, ended=now)

    def _commit(
        self, offsets: Mapping[str, int], facts: Mapping[str, str], *, ended: float | None
    ) -> None:
        self.offsets = dict(offsets)
        changed = {name: fact for name, fact in facts.items() if self.facts.get(name) != fact}
        self.facts.update(changed)
        written = {
            **changed,
            "counts": _json(self.counts),
            "offsets": _json(self.offsets),
            **({} if ended is None else {ENDED: repr(ended)}),
        }
        with self._errors():
            if facts.get("input") == "read" and not self.counts.pending:
                login_table.forget(self._connection)
            if ended is None and self._is_ended:
                self._connection.execute(_CONTINUES, (ENDED,))
            self._connection.execute(_FACTS, (_json(written),))
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN")
        self._is_ended = ended is not None

    def duplicate_pages(self) -> int:
        """Return the number of pages with the same content as another page, counted after it."""
        with self._errors():
            return int(self._connection.execute(DUPLICATES).fetchone()[0])

    def close(self) -> None:
        """Close the file; changes that were not committed are lost."""
        self._connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        if self._broken is not None:
            raise self._broken
        try:
            with state_errors(self._path):
                yield
        except StateError as error:
            # SQLite may have rolled back; then it would commit each further statement alone.
            self._connection.close()
            self._broken = error
            raise


def _offsets(text: str, outputs: Sequence[str]) -> dict[str, int]:
    """Parse the length of each output by name; ``outputs`` are the names for version 1."""
    found = msgspec.json.decode(text, type=dict[str, int] | list[int])
    if isinstance(found, dict):
        return found
    if found and len(found) != len(outputs):
        raise StateError(
            f"the state has {len(found)} outputs, but the settings have {len(outputs)}"
        )
    return dict(zip(outputs, found, strict=False))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
