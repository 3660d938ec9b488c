"""Shares ``--max-pages`` out, so that all shards together never have more. Pure."""

from collections.abc import Sequence

from crawler.distributed.records import ShardStanding


class Allowances:
    """``most`` pages in all (None: no limit); what an order may bring counts as brought."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._given: dict[int, int] = {}

    def left(self, standings: Sequence[ShardStanding]) -> int | None:
        """The number of pages that no order may bring yet; None if there is no limit."""
        if self._most is None:
            return None
        done = [max(each.counts.done, self._given.get(each.shard, 0)) for each in standings]
        return max(0, self._most - sum(done))

    def give(self, shard: int, standings: Sequence[ShardStanding], free: int) -> int | None:
        """How many pages ``shard`` may have in all; 0 if it may have no more now.

        ``free`` is the number of slots among which what is left is shared out.
        """
        left = self.left(standings)
        if left is None:
            return None
        if left == 0:
            return 0
        self._given[shard] = standings[shard].counts.done + max(1, left // max(1, free))
        return self._given[shard]

    def take_back(self, shard: int) -> None:
        """The order of ``shard`` has ended, and what it brought is known."""
        self._given.pop(shard, None)
