"""The table of the state that has the logins of the input: ``user:password`` by origin."""

import sqlite3
from collections.abc import Mapping

import msgspec

from crawler.model.urls import host_name

CREATE = "CREATE TABLE IF NOT EXISTS logins (origin TEXT PRIMARY KEY, userinfo TEXT NOT NULL)"
_ADD = "INSERT OR REPLACE INTO logins SELECT key, value FROM json_each(?)"
_REMOVE = "DELETE FROM logins WHERE origin IN (SELECT value FROM json_each(?))"


def read(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT origin, userinfo FROM logins"))


def add(connection: sqlite3.Connection, logins: Mapping[str, str]) -> None:
    """Store ``logins``; the last one of an origin counts."""
    connection.execute(_ADD, (msgspec.json.encode(logins).decode(),))


def forget(connection: sqlite3.Connection) -> None:
    """Delete the logins of hosts all of whose entries are pages: no resume needs them."""
    origins = list(read(connection))
    if not origins:
        return
    others = connection.execute("SELECT DISTINCT host FROM entries WHERE state <> 1")
    needed = {host for (host,) in others}
    over = [origin for origin in origins if host_name(origin) not in needed]
    # Without this, a deleted row stays in the file until its place is needed.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(_REMOVE, (msgspec.json.encode(over).decode(),))
