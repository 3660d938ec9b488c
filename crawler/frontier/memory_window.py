"""Decides which entries wait in memory and which on disk. Pure.

The next few entries of every host are in memory: its *head*. The others are on disk: its *tail*.
The tail is loaded in its original order, part by part, before the head is empty.
"""

from collections import deque

import msgspec


class WindowSizes(msgspec.Struct, frozen=True):
    """How many entries the window holds, with those that are being fetched and parsed.

    ``head`` is the maximum for one host. If a host has fewer than ``low``, more of its tail is
    loaded, at most ``part`` at once. No entry is added while all hosts together have ``total``.
    """

    head: int = 1024
    low: int = 512
    part: int = 512
    total: int = 50_000


class MemoryWindow:
    """``held`` entries are in memory. Hosts without entries are forgotten."""

    def __init__(
        self, tails: dict[str, int] | None = None, sizes: WindowSizes | None = None
    ) -> None:
        """``tails`` is the number of entries that wait on disk, by host."""
        self.sizes = sizes or WindowSizes()
        self._heads: dict[str, int] = {}
        self._tails = dict(tails or {})
        self._hungry = deque(self._tails)
        self._is_hungry = set(self._tails)
        self.held = 0

    def place(self, host: str) -> bool:
        """Reserve a place in memory for a new entry of ``host``; return False if there is none."""
        head = self._heads.get(host, 0)
        if host in self._tails or head >= self.sizes.head or self.held >= self.sizes.total:
            return False
        self._heads[host] = head + 1
        self.held += 1
        return True

    def left(self, host: str) -> None:
        """An entry of ``host`` stays on disk."""
        self._tails[host] = self._tails.get(host, 0) + 1
        self._feed(host)

    def drop(self, host: str) -> None:
        """Free the place of an entry in memory."""
        self.held -= 1
        head = self._heads[host] - 1
        if head:
            self._heads[host] = head
        else:
            del self._heads[host]
        if host in self._tails:
            self._feed(host)

    def load(self) -> list[str]:
        """Return the hosts whose next entries must be loaded, and reserve places for these."""
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
