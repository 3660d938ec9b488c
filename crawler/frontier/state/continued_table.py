"""The table of the state file that has entries which continue at another URL than their own.

They were redirected in another shard of the crawl, to a host that is this shard's.
"""

import sqlite3
from collections.abc import Iterable

import msgspec

CREATE = (
    "CREATE TABLE IF NOT EXISTS continued "
    "(id INTEGER PRIMARY KEY, url TEXT NOT NULL, hops INTEGER NOT NULL)"
)
_ADD = """
INSERT INTO continued SELECT value->>0, value->>1, value->>2 FROM json_each(?) WHERE true
"""


class Continued(msgspec.Struct, frozen=True, array_like=True):
    """The entry ``id`` continues at ``url``, after ``hops`` redirects."""

    id: int
    url: str
    hops: int


def add(connection: sqlite3.Connection, entries: Iterable[Continued]) -> None:
    connection.execute(_ADD, (msgspec.json.encode(list(entries)).decode(),))
