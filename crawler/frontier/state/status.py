"""What can be seen of the state of a run from outside, also while it is crawled."""

import sqlite3
from contextlib import closing
from pathlib import Path

from crawler.model.errors import StateError

_BUSIEST = """
SELECT host, count(*) AS pending FROM entries WHERE state = 0 AND host != ''
GROUP BY host ORDER BY pending DESC, host LIMIT ?
"""


def busiest(path: Path, most: int) -> dict[str, int]:
    """The hosts with most pending entries at the last commit, most first. Raises StateError."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as state:
            return dict(state.execute(_BUSIEST, (most,)))
    except sqlite3.Error as error:
        raise StateError(f"{path}: {error}") from None


def last_commit(path: Path) -> float:
    """When the state at ``path`` was last written: seconds since the epoch, 0.0 for never."""
    # Who only reads may leave an empty log behind, which says nothing.
    log = path.with_name(f"{path.name}-wal")
    found = [each.stat() for each in (path, log) if each.exists()]
    return max((each.st_mtime for each in found if each.st_size), default=0.0)
