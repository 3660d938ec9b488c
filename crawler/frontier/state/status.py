"""What can be seen of the state of a run from outside, also while it is crawled."""

from contextlib import closing
from pathlib import Path

import msgspec

from crawler.frontier.entry import Counts
from crawler.frontier.state.store import check_version, connect, state_errors

_BUSIEST = """
SELECT host, count(*) AS pending FROM entries WHERE state = 0 AND host != ''
GROUP BY host ORDER BY pending DESC, host LIMIT ?
"""


def read_counts(path: Path) -> tuple[Counts, dict[str, str]]:
    """The accounts and facts of a run at its last commit. Raises StateError."""
    with state_errors(path), closing(connect(path, read_only=True)) as connection:
        check_version(path, connection)
        facts = dict(connection.execute("SELECT name, value FROM facts"))
        return msgspec.json.decode(facts.pop("counts", "{}"), type=Counts), facts


def busiest(path: Path, most: int) -> dict[str, int]:
    """The hosts with most pending entries at the last commit, most first. Raises StateError."""
    with state_errors(path), closing(connect(path, read_only=True)) as connection:
        return dict(connection.execute(_BUSIEST, (most,)))


def last_commit(path: Path) -> float:
    """When the state at ``path`` was last written: seconds since the epoch, 0.0 for never."""
    # A reader may leave an empty log, which says nothing.
    log = path.with_name(f"{path.name}-wal")
    found = [each.stat() for each in (path, log) if each.exists()]
    return max((each.st_mtime for each in found if each.st_size), default=0.0)
