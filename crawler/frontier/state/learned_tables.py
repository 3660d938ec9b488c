"""The tables of the state file for what sessions learn: see ``frontier/learned.py``."""

import sqlite3
from collections.abc import Sequence

import msgspec

from crawler.frontier.learned import OVER, HostRecord, Learned, RetryRecord, RobotsRecord, Silence

MOST_ROBOTS = 10_000
"""Origins whose robots.txt is kept in the file, those that were asked last."""
LIFETIME = 86_400.0

CREATE = (
    "CREATE TABLE IF NOT EXISTS hosts (host TEXT PRIMARY KEY, until REAL NOT NULL, "
    "delay REAL NOT NULL, pace REAL NOT NULL, answered INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS robots (id INTEGER PRIMARY KEY, site TEXT NOT NULL UNIQUE, "
    "fetched REAL NOT NULL, delay REAL NOT NULL, text TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS retries (id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, "
    "unanswered INTEGER NOT NULL, at REAL NOT NULL, is_sent INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS silence (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
)
_WRITE_HOSTS = """
INSERT INTO hosts
SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?) WHERE true
ON CONFLICT (host) DO UPDATE SET until = excluded.until, delay = excluded.delay,
    pace = excluded.pace, answered = max(answered, excluded.answered)
"""
_READ_HOSTS = """
SELECT json_group_array(json_array(host, until, delay, pace, json(iif(answered, 'true', 'false'))))
FROM (SELECT * FROM hosts ORDER BY until DESC LIMIT 100000)
"""
# Each row gets a new id, the highest: so those that were asked longest ago have the lowest ones.
_WRITE_ROBOTS = """
INSERT OR REPLACE INTO robots (site, fetched, delay, text)
SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?)
"""
_FORGET_ROBOTS = "DELETE FROM robots WHERE id <= (SELECT max(id) FROM robots) - ?"
_READ_ROBOTS = """
SELECT json_group_array(json_array(site, fetched, delay, text)) FROM robots WHERE fetched > ?
"""
_WRITE_RETRIES = """
INSERT OR REPLACE INTO retries
SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?)
"""
_FORGET_RETRIES = "DELETE FROM retries WHERE id IN (SELECT value FROM json_each(?))"
_READ_RETRIES = """
SELECT json_group_array(json_array(
    id, attempt, unanswered, at, json(iif(is_sent, 'true', 'false'))
))
FROM (SELECT * FROM retries ORDER BY id LIMIT 100000)
"""
_WRITE_SILENCE = "INSERT OR REPLACE INTO silence VALUES (1, ?)"
_READ_SILENCE = "SELECT coalesce(max(text), 'null') FROM silence"


def forget_robots(connection: sqlite3.Connection) -> None:
    """Forget the robots.txt of all origins."""
    connection.execute("DELETE FROM robots")


def read(connection: sqlite3.Connection, now: float) -> Learned:
    """Return at most 100,000 hosts, those that wait longest first, and as many retries.

    ``now`` is the Unix time: a robots.txt counts for a day.
    """

    def rows(query: str, *parameters: float) -> bytes | str:
        found: str = connection.execute(query, parameters).fetchone()[0]
        return found

    return Learned(
        msgspec.json.decode(rows(_READ_HOSTS), type=list[HostRecord]),
        msgspec.json.decode(rows(_READ_ROBOTS, now - LIFETIME), type=list[RobotsRecord]),
        msgspec.json.decode(rows(_READ_RETRIES), type=list[RetryRecord]),
        msgspec.json.decode(rows(_READ_SILENCE), type=Silence | None),
    )


def write(connection: sqlite3.Connection, learned: Learned) -> None:
    def change(statement: str, rows: Sequence[object] | Silence | None) -> None:
        if rows:
            connection.execute(statement, (msgspec.json.encode(rows).decode(),))

    change(_WRITE_HOSTS, learned.hosts)
    if learned.robots:
        change(_WRITE_ROBOTS, learned.robots)
        connection.execute(_FORGET_ROBOTS, (MOST_ROBOTS,))
    change(_WRITE_RETRIES, [each for each in learned.retries if each.attempt != OVER])
    change(_FORGET_RETRIES, [each.id for each in learned.retries if each.attempt == OVER])
    change(_WRITE_SILENCE, learned.silence)
