"""Crawls level by level: no page is requested before all pages of lower depth are final.

So the depth of a page is the length of its shortest path from the input. Without this order it is
the length of the path that was found first, which differs between runs. The price is a wait at the
end of each level. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from crawler.frontier.entry import Entry


class DepthOrder:
    """Holds entries back until no entry of a lower depth is pending; ``held`` is their number."""

    def __init__(self, pending: Mapping[int, int], most: int | None = None) -> None:
        """``pending`` is the number of entries that are not final, by depth.

        Those deeper than ``most`` are held back to the end: other shards have lower ones.
        """
        self._pending = Counter(pending)
        self._most = most
        self._held: dict[int, list[Entry]] = {}
        self.held = 0

    @property
    def lowest(self) -> int | None:
        """The lowest depth of an entry that is not final; None if all are."""
        return min(self._pending, default=None)

    @property
    def too_deep(self) -> int:
        """The number of entries that are not final and held back to the end."""
        if self._most is None:
            return 0
        return sum(count for depth, count in self._pending.items() if depth > self._most)

    def entered(self, depths: Iterable[int]) -> None:
        """Count new entries with these depths."""
        self._pending.update(depths)

    def finished(self, entry: Entry) -> None:
        self._pending[entry.depth] -= 1
        if not self._pending[entry.depth]:
            del self._pending[entry.depth]

    def hold(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._held.setdefault(entry.depth, []).append(entry)
            self.held += 1

    def release(self) -> list[Entry]:
        """Return the held entries that may be requested now."""
        lowest = self.lowest or 0
        most = lowest if self._most is None else min(lowest, self._most)
        depths = [depth for depth in sorted(self._held) if depth <= most]
        released = [entry for depth in depths for entry in self._held.pop(depth)]
        self.held -= len(released)
        return released
