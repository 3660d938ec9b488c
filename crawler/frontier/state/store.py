"""The state of a run in SQLite: every entry, what became of it, how far the outputs are durable.

Whatever concerns many entries goes to SQLite as one JSON text in one statement. A statement a row
would take the interpreter's lock again for each, and beside a busy thread that costs milliseconds a
row; one statement a batch lets go of the lock once.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from crawler.frontier.entry import Candidate, Counts, Entry, Final, State
from crawler.model.errors import SkipReason, StateError

APPLICATION = 0x43524157
"""``CRAW``, in the header of the file (PRAGMA application_id)."""
VERSION = 2
OLDEST = 1
"""The oldest version that can be resumed; the first commit of the session makes it ``VERSION``.

In version 1 outputs had numbers, not names, and a wrong line was kept as ``kind message``.
"""

_SCHEMA = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE named (origin TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    key INTEGER NOT NULL UNIQUE,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    depth INTEGER NOT NULL,
    seed TEXT,
    spilled INTEGER NOT NULL,
    row TEXT,
    state INTEGER NOT NULL DEFAULT 0,
    why TEXT,
    digest INTEGER
);
CREATE INDEX tails ON entries (host, id) WHERE spilled;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""
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
SELECT json_group_array(json_array(entry.id, url, depth, coalesce(seed, url), row, json(why)))
FROM json_each(?) AS wanted JOIN entries AS entry ON entry.id IN
    (SELECT id FROM entries WHERE spilled AND host = wanted.value AND id <= ? ORDER BY id LIMIT ?)
"""
_TAKEN = "UPDATE entries SET spilled = 0 WHERE id IN (SELECT value FROM json_each(?))"
_SPILL = "UPDATE entries SET spilled = (state = 0) WHERE spilled <> (state = 0)"
_MIGRATE = (
    """
    UPDATE entries SET why = CASE
        WHEN substr(why, 1, instr(why, ' ') - 1) IN (SELECT value FROM json_each(?))
        THEN json_array(NULL, substr(why, 1, instr(why, ' ') - 1), substr(why, instr(why, ' ') + 1))
        ELSE json_array(substr(why, 1, instr(why, ' ') - 1), NULL, substr(why, instr(why, ' ') + 1))
    END WHERE state = 0 AND why IS NOT NULL
    """,
    f"PRAGMA user_version = {VERSION}",
)
_FACTS = "INSERT OR REPLACE INTO facts SELECT key, value FROM json_each(?)"
_NAMED = "INSERT OR IGNORE INTO named SELECT value FROM json_each(?)"
_TWICE = """
SELECT coalesce(sum(pages - 1), 0)
FROM (SELECT count(*) AS pages FROM entries WHERE digest IS NOT NULL GROUP BY digest)
"""


class Store:
    """The state file of a run. Not safe for threads: whoever uses it does so from one.

    ``create`` and ``open`` begin a session; what is added is durable only after ``commit``. All
    methods raise StateError where the file cannot be read or written; after that none does more.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, outputs: Sequence[str] = ()
    ) -> None:
        self._path = path
        self._connection = connection
        with self._errors():
            found = dict(connection.execute("SELECT name, value FROM facts"))
            self.last_id: int = connection.execute("SELECT max(id) FROM entries").fetchone()[0] or 0
            connection.execute("BEGIN")
        self.facts: dict[str, str] = found
        self.counts = msgspec.json.decode(found.pop("counts", "{}"), type=Counts)
        self.offsets = _offsets(found.pop("offsets", "{}"), outputs)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Begin a state file at ``path``, where there is none; only its owner may read it."""
        try:
            path.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise StateError(f"{path}: {error}") from None
        with state_errors(path), ExitStack() as undo:
            connection = undo.enter_context(closing(connect(path)))
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            store = cls(path, connection)
            undo.pop_all()
        return store

    @classmethod
    def open(cls, path: Path, outputs: Sequence[str] = ()) -> Self:
        """Open what ``create`` began; every entry that is pending then waits on disk.

        ``outputs`` are the names of the outputs in the order in which version 1 numbered them.
        """
        with state_errors(path), ExitStack() as undo:
            connection = undo.enter_context(closing(connect(path)))
            version = check_version(path, connection)
            if (damage := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise StateError(f"{path}: is damaged ({damage}); it is left as it is")
            connection.execute(_SPILL)
            store = cls(path, connection, outputs)
            if version < VERSION:
                store._migrate()
            undo.pop_all()
        return store

    def _migrate(self) -> None:
        """Make version 1 version 2, in the transaction that the first commit ends."""
        update, version = _MIGRATE
        with self._errors():
            self._connection.execute(update, (_json(tuple(SkipReason)),))
            self._connection.execute(version)

    def add(self, news: Sequence[Candidate], lines: int = 0, named: Sequence[str] = ()) -> set[int]:
        """Enter those of ``news`` (ids ascending) that are not known; gives the ids of these.

        ``lines`` is how many lines of the input were taken for them, ``named`` the origins that
        these name.
        """
        added = self._insert(news) if news else set()
        if named:
            with self._errors():
                self._connection.execute(_NAMED, (_json(named),))
        inputs = sum(not new.depth for new in news)
        new_inputs = sum(not new.depth and new.id in added for new in news)
        self.counts.input += new_inputs
        self.counts.duplicates += inputs - new_inputs
        self.counts.discovered += len(added) - new_inputs
        self.counts.taken += lines
        return added

    def _insert(self, news: Sequence[Candidate]) -> set[int]:
        with self._errors():
            self._connection.execute(_ADD, (_json(news),))
            found = self._connection.execute(_ADDED, (news[0].id, news[-1].id)).fetchone()[0]
        return msgspec.json.decode(found, type=set[int])

    def take(self, hosts: Sequence[str], most: int, last_id: int) -> list[Entry]:
        """Take the next entries of each of ``hosts`` from disk, at most ``most`` of one host.

        Those behind ``last_id`` stay: who asks does not know of them yet.
        """
        with self._errors():
            found = self._connection.execute(_TAILS, (_json(hosts), last_id, most)).fetchone()[0]
            entries = msgspec.json.decode(found, type=list[Entry])
            self._connection.execute(_TAKEN, (_json([entry.id for entry in entries]),))
        return entries

    def tails(self) -> dict[str, int]:
        """How many entries wait on disk, by host."""
        return self._counted("SELECT host, count(*) FROM entries WHERE spilled GROUP BY host")

    def depths(self) -> dict[int, int]:
        """How many entries are not final, by depth."""
        return self._counted("SELECT depth, count(*) FROM entries WHERE state = 0 GROUP BY depth")

    def fetched(self) -> dict[str, int]:
        """How many entries are final and were asked for, by host."""
        return self._counted(
            "SELECT host, count(*) FROM entries WHERE state IN (1, 2) GROUP BY host"
        )

    def _counted(self, query: str) -> dict[Any, int]:
        with self._errors():
            return dict(self._connection.execute(query))

    def named(self) -> Iterator[str]:
        """Origins that the input names, which have rights that others have not."""
        with self._errors():
            return iter([origin for (origin,) in self._connection.execute("SELECT * FROM named")])

    def finish(self, finals: Sequence[Final]) -> None:
        with self._errors():
            self._connection.execute(_FINISH, (_json(finals),))
        for final in finals:
            if final.state is State.DONE:
                self.counts.done += 1
            else:
                of = self.counts.errors if final.state is State.FAILED else self.counts.skips
                why = final.why or ""
                of[why] = of.get(why, 0) + 1

    def commit(self, offsets: Mapping[str, int]) -> None:
        """Make everything durable, together with the length of each output, by its name."""
        self.offsets = dict(offsets)
        facts = {
            **self.facts,
            "counts": _json(self.counts),
            "offsets": _json(self.offsets),
        }
        with self._errors():
            self._connection.execute(_FACTS, (_json(facts),))
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN")

    def duplicate_pages(self) -> int:
        """How many pages had a content that another page had before."""
        with self._errors():
            return int(self._connection.execute(_TWICE).fetchone()[0])

    def close(self) -> None:
        """What was not committed is dropped."""
        self._connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with state_errors(self._path):
            try:
                yield
            except sqlite3.Error:
                # SQLite may have rolled back, and would then commit each statement by itself.
                self._connection.close()
                raise


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    if not path.is_file():
        raise StateError(f"{path}: there is no such file, so there is no run to go on with")
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10
    )
    try:
        # The last commits may be lost with the power; the file stays whole, and so does the run,
        # since outputs are cut to what the state says.
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def check_version(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of the state file. Raises StateError if this program cannot read it."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        raise StateError(f"{path}: is not the state of a crawl; it is left as it is")
    if not OLDEST <= version <= VERSION:
        raise StateError(
            f"{path}: was written by another version of crawler (state {version}, this one has "
            f"{VERSION}); it is left as it is, finish it with that version"
        )
    return version


def _offsets(text: str, outputs: Sequence[str]) -> dict[str, int]:
    """The length of each output by its name; ``outputs`` names those of version 1, in order."""
    found = msgspec.json.decode(text, type=dict[str, int] | list[int])
    if isinstance(found, dict):
        return found
    if found and len(found) != len(outputs):
        raise StateError(f"the state has {len(found)} outputs, but the settings {len(outputs)}")
    return dict(zip(outputs, found, strict=False))


@contextmanager
def state_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise StateError(f"{path}: {error}") from None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
