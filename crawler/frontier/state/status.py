"""Reads the state of a run from another process, also during its crawl."""

from contextlib import closing
from pathlib import Path

import msgspec

from crawler.frontier.entry import Counts
from crawler.frontier.state.schema import check_version
from crawler.frontier.state.store import connect, state_errors

_BUSIEST = """
SELECT host, count(*) AS pending FROM entries WHERE state = 0 AND host != ''
GROUP BY host ORDER BY pending DESC, host LIMIT ?
"""


def read_counts(path: Path) -> tuple[Counts, dict[str, str]]:
    """Return the counts and facts of a run at its last commit. Raises StateError."""
    with state_errors(path), closing(connect(path, read_only=True)) as connection:
        check_version(path, connection)
        facts = dict(connection.execute("SELECT name, value FROM facts"))
        return msgspec.json.decode(facts.pop("counts", "{}"), type=Counts), facts


def read_offsets(path: Path) -> dict[str, int]:
    """Return the length of each output at the last commit, by its name. Raises StateError."""
    _, facts = read_counts(path)
    with state_errors(path):
        return msgspec.json.decode(facts.get("offsets", "{}"), type=dict[str, int])


def busiest(path: Path, most: int) -> dict[str, int]:
    """Return the number of pending entries of the ``most`` busiest hosts, in descending order.

    They are those of the last commit. Raises StateError.
    """
    with state_errors(path), closing(connect(path, read_only=True)) as connection:
        return dict(connection.execute(_BUSIEST, (most,)))


def last_commit(path: Path) -> float:
    """Return when the state at ``path`` was last written (Unix time, 0.0 for never)."""
    # A reader may create an empty log, which is not a commit.
    log = path.with_name(f"{path.name}-wal")
    found = [each.stat() for each in (path, log) if each.exists()]
    return max((each.st_mtime for each in found if each.st_size), default=0.0)
