"""The table of the state that has the logins of the input: ``user:password`` by origin."""

import sqlite3
from collections.abc import Mapping

import msgspec

CREATE = "CREATE TABLE IF NOT EXISTS logins (origin TEXT PRIMARY KEY, userinfo TEXT NOT NULL)"
_ADD = "INSERT OR REPLACE INTO logins SELECT key, value FROM json_each(?)"
_REMOVE = """
DELETE FROM logins WHERE NOT EXISTS (SELECT * FROM entries WHERE state <> 1 AND host <> '')
"""


def read(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT origin, userinfo FROM logins"))


def add(connection: sqlite3.Connection, logins: Mapping[str, str]) -> None:
    """Store ``logins``; the last one of an origin counts."""
    connection.execute(_ADD, (msgspec.json.encode(logins).decode(),))


def forget(connection: sqlite3.Connection) -> None:
    """Delete all logins if all entries are pages, or no URLs: no resume needs them.

    Any other entry could need any of them: it can be redirected, and its page can have links.
    """
    # Without this, a deleted row stays in the file until its place is needed.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(_REMOVE)
