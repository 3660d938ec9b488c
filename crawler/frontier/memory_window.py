"""Which entries wait in memory and which on disk. Pure.

Of every host the next few are in memory, the *head*; the rest, the *tail*, is on disk and follows
in the order in which it came, a part at a time, before the head is used up.
"""

from collections import deque

import msgspec


class WindowSizes(msgspec.Struct, frozen=True):
    """How many entries the window holds.

    ``head`` is the most of one host in memory; a host with fewer than ``low`` gets more of its
    tail, at most ``part`` at once. ``total`` bounds what is taken from disk for all hosts together;
    a new host still finds a place.
    """

    head: int = 512
    low: int = 128
    part: int = 256
    total: int = 50_000


class MemoryWindow:
    """``held`` entries are in memory. Hosts with nothing anywhere are forgotten."""

    def __init__(
        self, tails: dict[str, int] | None = None, sizes: WindowSizes | None = None
    ) -> None:
        """``tails`` is how many entries wait on disk, by host."""
        self.sizes = sizes or WindowSizes()
        self._heads: dict[str, int] = {}
        self._tails = dict(tails or {})
        self._hungry = deque(self._tails)
        self._is_hungry = set(self._tails)
        self.held = 0

    def place(self, host: str) -> bool:
        """Whether a new entry of ``host`` has a place in memory, which is then taken."""
        head = self._heads.get(host, 0)
        if host in self._tails or head >= self.sizes.head or self.held >= self.sizes.total:
            return False
        self._heads[host] = head + 1
        self.held += 1
        return True

    def left(self, host: str) -> None:
        """An entry of ``host`` was left on disk."""
        self._tails[host] = self._tails.get(host, 0) + 1
        self._feed(host)

    def drop(self, host: str) -> None:
        """An entry in memory is done with."""
        self.held -= 1
        head = self._heads[host] - 1
        if head:
            self._heads[host] = head
        else:
            del self._heads[host]
        if host in self._tails:
            self._feed(host)

    def load(self) -> list[str]:
        """Hosts of which the next entries must come from disk; their places are taken."""
        hosts = []
        while self._hungry and self.held < self.sizes.total:
            host = self._hungry.popleft()
            self._is_hungry.discard(host)
            self._move(host, min(self.sizes.part, self._tails[host]))
            hosts.append(host)
        return hosts

    def _move(self, host: str, count: int) -> None:
        self._tails[host] -= count
        if not self._tails[host]:
            del self._tails[host]
        self._heads[host] = self._heads.get(host, 0) + count
        self.held += count

    def _feed(self, host: str) -> None:
        if self._heads.get(host, 0) < self.sizes.low and host not in self._is_hungry:
            self._is_hungry.add(host)
            self._hungry.append(host)
