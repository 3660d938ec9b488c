"""The table of the state file that has what is known about hosts."""

import sqlite3
from collections.abc import Sequence

import msgspec

from crawler.frontier.host_memory import HostRecord

CREATE = (
    "CREATE TABLE IF NOT EXISTS hosts (host TEXT PRIMARY KEY, until REAL NOT NULL, "
    "delay REAL NOT NULL, pace REAL NOT NULL, answered INTEGER NOT NULL) WITHOUT ROWID"
)
_WRITE = """
INSERT INTO hosts
SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?) WHERE true
ON CONFLICT (host) DO UPDATE SET until = excluded.until, delay = excluded.delay,
    pace = excluded.pace, answered = max(answered, excluded.answered)
"""
_READ = """
SELECT json_group_array(json_array(host, until, delay, pace, json(iif(answered, 'true', 'false'))))
FROM (SELECT * FROM hosts ORDER BY until DESC LIMIT 100000)
"""


def read(connection: sqlite3.Connection) -> list[HostRecord]:
    """Return at most 100,000 hosts, those that wait longest first."""
    found = connection.execute(_READ).fetchone()[0]
    return msgspec.json.decode(found, type=list[HostRecord])


def write(connection: sqlite3.Connection, hosts: Sequence[HostRecord]) -> None:
    connection.execute(_WRITE, (msgspec.json.encode(hosts).decode(),))
