"""Requests one level after the other in all shards: ``--depth`` with ``--seed``. Pure."""

from collections.abc import Callable, Sequence

from crawler.distributed.records import ShardStanding


class Levels:
    """No page is requested before all pages of lower depth are final, in whatever shard they are.

    So its depth is that of a crawl without shards. A level has two parts: first the pages of this
    depth are requested; once no shard has one, the shards take the letters that wait for them. They
    may bring pages of this depth, by redirects.
    """

    def __init__(self) -> None:
        self.depth = 0
        """Entries of at most this depth may be requested."""
        self._is_collecting = False

    def choose(
        self,
        free: Sequence[ShardStanding],
        has_work: Callable[[ShardStanding], bool],
        has_letters: Callable[[ShardStanding], bool],
        *,
        is_busy: bool,
    ) -> list[int]:
        """Return those of the ``free`` shards that may be ordered.

        ``has_work`` tells whether there is work of the current level without new letters.
        ``is_busy``: other shards are ordered, or it is not known how far they are.
        """
        working = [each.shard for each in free if has_work(each)]
        if working:
            self._is_collecting = False
            return working
        if is_busy and not self._is_collecting:
            return []
        self._is_collecting = True
        collecting = [each.shard for each in free if has_letters(each)]
        depths = [each.depth for each in free if each.counts.pending and each.depth is not None]
        if collecting or is_busy or not depths:
            return collecting
        self.depth = min(depths)
        return [each.shard for each in free if has_work(each)]
