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

    def __init__(self, pending: Mapping[int, int]) -> None:
        """``pending`` is the number of entries that are not final, by depth."""
        self._pending = Counter(pending)
        self._held: dict[int, list[Entry]] = {}
        self.held = 0

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
        lowest = min(self._pending, default=0)
        depths = [depth for depth in sorted(self._held) if depth <= lowest]
        released = [entry for depth in depths for entry in self._held.pop(depth)]
        self.held -= len(released)
        return released
