"""The cookies of a run in its state file: a row for each, so that only what changed is written."""

import sqlite3
from collections.abc import Sequence

import msgspec

Changes = Sequence[tuple[str, str | None]]
"""Cookies that changed, by key, as JSON; None means that the cookie was removed.

A cookie that was removed and set again is there twice.
"""

CREATE = """
CREATE TABLE IF NOT EXISTS cookies (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, cookie TEXT NOT NULL
)
"""
FROM_FACT = (
    """
    INSERT INTO cookies (key, cookie)
    SELECT json_array(value->>'domain', value->>'path', value->>'name'), value
    FROM json_each((SELECT value FROM facts WHERE name = 'cookies'))
    """,
    "DELETE FROM facts WHERE name = 'cookies'",
)
"""Converts the cookies of version 2, which were one fact."""
_FORGET = "DELETE FROM cookies WHERE key IN (SELECT value FROM json_each(?))"
_KEEP = """
INSERT INTO cookies (key, cookie) SELECT value->>0, value->>1 FROM json_each(?) WHERE true
ON CONFLICT (key) DO UPDATE SET cookie = excluded.cookie
"""


def keep_cookies(connection: sqlite3.Connection, changes: Changes) -> None:
    """Store ``changes``; a cookie keeps its place in the order unless it was removed."""
    removed = [key for key, cookie in changes if cookie is None]
    connection.execute(_FORGET, (msgspec.json.encode(removed).decode(),))
    kept = [change for change in changes if change[1] is not None]
    connection.execute(_KEEP, (msgspec.json.encode(kept).decode(),))


def kept_cookies(connection: sqlite3.Connection) -> list[str]:
    """Return the cookies in the order in which they were first set; keep them secret."""
    return [cookie for (cookie,) in connection.execute("SELECT cookie FROM cookies ORDER BY id")]
