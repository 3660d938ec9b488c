"""The table of the state file that has entries which continue at another URL than their own.

They were redirected in another shard of the crawl, to a host that is this shard's.
"""

import sqlite3
from collections.abc import Iterable

import msgspec

from crawler.frontier.entry import Candidate

CREATE = "CREATE TABLE IF NOT EXISTS continued (id INTEGER PRIMARY KEY, next TEXT NOT NULL)"
"""``next`` is a Continuation as JSON."""
_ADD = "INSERT INTO continued SELECT value->>0, value->>1 FROM json_each(?)"


def add(connection: sqlite3.Connection, entries: Iterable[Candidate]) -> None:
    """Remember where those of ``entries`` continue that have a continuation."""
    found = [(each.id, each.next) for each in entries if each.next is not None]
    if found:
        connection.execute(_ADD, (msgspec.json.encode(found).decode(),))
