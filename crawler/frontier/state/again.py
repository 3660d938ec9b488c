"""Makes entries that have ended without a page pending again."""

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from crawler.frontier.entry import Wrong

_PUT_BACK = """
UPDATE entries SET state = 0, why = NULL, digest = NULL, spilled = 1
WHERE state IN (2, 3) AND why IN (SELECT value FROM json_each(?))
"""
_UNFETCHABLE = """
SELECT url, id FROM entries
WHERE state IN (2, 3) AND host = '' AND why IN (SELECT value FROM json_each(?))
"""
_WRONG_AGAIN = """
UPDATE entries SET why = wrong.why
FROM (SELECT value->>0 AS id, value->>1 AS why FROM json_each(?)) AS wrong
WHERE entries.id = wrong.id
"""


def unfetchable(connection: sqlite3.Connection, ends: Iterable[str]) -> dict[str, int]:
    """Return the ids of lines and links that could not be fetched and have these ``ends``."""
    return dict(connection.execute(_UNFETCHABLE, (_json(ends),)))


def put_back(
    connection: sqlite3.Connection, ends: Iterable[str], wrong: Mapping[int, Wrong]
) -> int:
    """Make the failed and skipped entries with these ``ends`` pending; return their number.

    ``wrong`` says again why some of them cannot be fetched, by id.
    """
    count = connection.execute(_PUT_BACK, (_json(ends),)).rowcount
    connection.execute(_WRONG_AGAIN, (_json(wrong.items()),))
    return count


def _json(values: Iterable[object]) -> str:
    return msgspec.json.encode(list(values)).decode()
