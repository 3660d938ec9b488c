"""Decides which entries wait in memory and which on disk. Pure.

The next few entries of every host are in memory: its *head*. The others are on disk: its *tail*.
The tail is loaded in its original order, part by part, before the head is empty.

The hosts share the memory. Up to half of it, a host may have a long head. In the other half a host
has only a few entries, so that there is room for thousands of hosts: a list that is sorted by host
would otherwise fill the memory with its first hosts, and the delays of all others would pass
unused.
"""

from collections import OrderedDict

import msgspec

BEYOND = 100
"""Hosts that are loaded at once although there is no room."""


class WindowSizes(msgspec.Struct, frozen=True):
    """How many entries the window holds, with those that are being fetched and parsed.

    While all hosts together have fewer than ``roomy``, a host may have ``head``; if it has fewer
    than ``low``, more of its tail is loaded, at most ``part`` at once. Above that a host may have
    only ``least``, and more are loaded if it has half of them. No entry is added while all hosts
    together have ``total``.
    """

    head: int = 1024
    low: int = 512
    part: int = 512
    least: int = 8
    roomy: int = 25_000
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
        self._hungry: OrderedDict[str, None] = OrderedDict()
        self._starving = OrderedDict.fromkeys(self._tails)
        self.held = 0

    def place(self, host: str) -> bool:
        """Reserve a place in memory for a new entry of ``host``; return False if there is none."""
        sizes, head = self.sizes, self._heads.get(host, 0)
        most = sizes.head if self.held < sizes.roomy else sizes.least
        if host in self._tails or head >= most or self.held >= sizes.total:
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

    def load(self, *, is_stuck: bool = False) -> dict[int, list[str]]:
        """Return the hosts whose next entries must be loaded, and reserve places for these.

        The key is the maximum number of entries to load for each host. If ``is_stuck``, a few are
        loaded however many are in memory: none of those can be requested before.
        """
        if is_stuck and self.held >= self.sizes.total:
            return self._load_beyond()
        sizes, hosts = self.sizes, max(len(self._heads), len(self._tails), 1)
        share = max(sizes.least, min(sizes.part, sizes.roomy // hosts))
        found: dict[int, list[str]] = {}
        while (host := self._next_to_load()) is not None:
            most = share if self.held < sizes.roomy else sizes.least
            self._move(host, min(most, self._tails[host]))
            found.setdefault(most, []).append(host)
        return found

    def _load_beyond(self) -> dict[int, list[str]]:
        least = self.sizes.least
        hosts = [
            self._starving.popitem(last=False)[0] for _ in range(min(BEYOND, len(self._starving)))
        ]
        for host in hosts:
            self._move(host, min(least, self._tails[host]))
        return {least: hosts} if hosts else {}

    def _next_to_load(self) -> str | None:
        if self._starving and self.held < self.sizes.total:
            return self._starving.popitem(last=False)[0]
        if self._hungry and self.held < self.sizes.roomy:
            return self._hungry.popitem(last=False)[0]
        return None

    def _move(self, host: str, count: int) -> None:
        self._tails[host] -= count
        if not self._tails[host]:
            del self._tails[host]
        self._heads[host] = self._heads.get(host, 0) + count
        self.held += count

    def _feed(self, host: str) -> None:
        head = self._heads.get(host, 0)
        if head <= self.sizes.least // 2:
            self._hungry.pop(host, None)
            self._starving[host] = None
        elif head < self.sizes.low:
            self._hungry[host] = None
