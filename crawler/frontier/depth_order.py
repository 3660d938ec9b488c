"""Level by level: no page is asked for before all those fewer links away from the input are done.

So the depth of a page is the length of the shortest way to it, where else it is that of the first
way found, which is another each time. It costs waiting at the end of each level. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from crawler.frontier.entry import Entry


class DepthOrder:
    """Holds entries back until theirs is the lowest level with an entry that is not final."""

    def __init__(self, pending: Mapping[int, int]) -> None:
        """``pending`` is how many entries are not final, by depth."""
        self._pending = Counter(pending)
        self._held: dict[int, list[Entry]] = {}

    def entered(self, depths: Iterable[int]) -> None:
        """There are new entries, of these depths."""
        self._pending.update(depths)

    def finished(self, entry: Entry) -> None:
        self._pending[entry.depth] -= 1
        if not self._pending[entry.depth]:
            del self._pending[entry.depth]

    def hold(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._held.setdefault(entry.depth, []).append(entry)

    def release(self) -> list[Entry]:
        """Entries held so far whose turn it is now."""
        lowest = min(self._pending, default=0)
        return [
            entry
            for depth in sorted(self._held)
            if depth <= lowest
            for entry in self._held.pop(depth)
        ]
