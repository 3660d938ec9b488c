"""The tables of a state file, its version, and how an older version becomes this one."""

import sqlite3
from pathlib import Path

import msgspec

from crawler.frontier.state import (
    continued_table,
    kept_cookies,
    learned_tables,
    login_table,
    tallies,
)
from crawler.model.errors import SkipReason, StateError

APPLICATION = 0x43524157
"""``CRAW``, in the header of the file (PRAGMA application_id)."""
VERSION = 4
OLDEST = 1
"""The oldest version that can be resumed; the first commit of the session makes it ``VERSION``.

In version 1 outputs had numbers instead of names, and a wrong line was stored as ``kind message``.
Before version 3 the logins of the input, and what is known about hosts, were not stored.
Up to version 2 the host of an entry had its port, and the cookies were one fact. Up to version 3
each resume counted the entries, and forgot their attempts and robots.txt, and there were no
entries of other shards.
"""

_NEW_TABLES = (
    login_table.CREATE,
    kept_cookies.CREATE,
    continued_table.CREATE,
    tallies.CREATE,
    *learned_tables.CREATE,
)
"""Tables that earlier versions do not have."""
SCHEMA = f"""
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
{";".join(_NEW_TABLES)};
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""
_WRONG_OF_VERSION_1 = """
UPDATE entries SET why = CASE
    WHEN substr(why, 1, instr(why, ' ') - 1) IN (SELECT value FROM json_each(?))
    THEN json_array(NULL, substr(why, 1, instr(why, ' ') - 1), substr(why, instr(why, ' ') + 1))
    ELSE json_array(substr(why, 1, instr(why, ' ') - 1), NULL, substr(why, instr(why, ' ') + 1))
END WHERE state = 0 AND why IS NOT NULL
"""
_HOST_NAMES = """
UPDATE entries SET host = rtrim(rtrim(rtrim(host, '0123456789'), ':'), '.')
WHERE host LIKE '%.' OR (host LIKE '%:%' AND host NOT LIKE '%]')
"""


def migrate(connection: sqlite3.Connection, version: int, facts: dict[str, str]) -> None:
    """Convert an earlier ``version`` to this one, in the transaction that the first commit ends.

    Facts that got a table of their own are removed from ``facts``.
    """
    if version < 2:
        reasons = msgspec.json.encode(tuple(SkipReason)).decode()
        connection.execute(_WRONG_OF_VERSION_1, (reasons,))
    if version < 3:
        connection.execute(_HOST_NAMES)
    for table in _NEW_TABLES:
        connection.execute(table)
    if facts.pop("cookies", None) is not None:
        for statement in kept_cookies.FROM_FACT:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def check_version(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of the state file. Raises StateError if this program cannot read it."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        raise StateError(f"{path}: is not the state file of a crawl; it was not changed")
    if not OLDEST <= version <= VERSION:
        raise StateError(
            f"{path}: another version of crawler wrote this file (format {version}; this version "
            f"reads {OLDEST} to {VERSION}); it was not changed; finish the run with that version"
        )
    return version
