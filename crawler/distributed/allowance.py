"""Shares ``--max-pages`` out, so that all shards together never have more. Pure."""

from collections.abc import Sequence

from crawler.distributed.records import ShardStanding


class Allowances:
    """``most`` pages in all (None: no limit); what an order may bring counts as brought.

    An order that was lost may still begin, as long as no later one for its shard has begun.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._given: dict[int, dict[int, int]] = {}

    def is_enough(self, standings: Sequence[ShardStanding]) -> bool:
        """Whether there are as many pages as there may be."""
        done = sum(each.counts.done for each in standings)
        return self._most is not None and done >= self._most

    def left(self, standings: Sequence[ShardStanding]) -> int | None:
        """The number of pages that no order may bring yet; None if there is no limit."""
        if self._most is None:
            return None
        return max(0, self._most - sum(map(self._expected, standings)))

    def _expected(self, standing: ShardStanding) -> int:
        """The number of pages that the shard has, or may have after its orders."""
        return max(standing.counts.done, *self._given.get(standing.shard, {}).values(), 0)

    def share(self, shard: int, standings: Sequence[ShardStanding], free: int) -> int | None:
        """How many pages ``shard`` may have in all; 0 if it may have no more now.

        ``free`` is the number of slots among which what is left is shared out.
        """
        left = self.left(standings)
        if left is None:
            return None
        pages = self._expected(standings[shard]) + min(left, max(1, left // max(1, free)))
        return pages if pages > standings[shard].counts.done else 0

    def give(self, shard: int, turn: int, pages: int | None) -> None:
        """The order ``turn`` for ``shard`` allows so many ``pages`` in all."""
        if pages is not None:
            self._given.setdefault(shard, {})[turn] = pages

    def take_back(self, standing: ShardStanding) -> None:
        """Nobody crawls the shard: its orders up to the one that began last bring no more."""
        given = self._given.pop(standing.shard, {})
        later = {turn: pages for turn, pages in given.items() if turn > standing.turn}
        if later:
            self._given[standing.shard] = later
