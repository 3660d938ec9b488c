"""The progress of a sharded crawl, in one line."""

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from crawler.distributed.records import ShardStanding
from crawler.model.units import count, figure

_GAP = "  "
_WINDOW_S = 10.0


class ShardProgress(msgspec.Struct, frozen=True):
    """A sharded crawl at one moment; ``rate`` is entries finished per second.

    ``busy`` of the shards are ordered, ``slots`` may be. ``restarts`` is the number of orders that
    were lost, and given again.
    """

    shards: int
    busy: int
    slots: int
    finished: int
    failed: int
    left: int
    rate: float
    restarts: int

    def line(self, width: int) -> str:
        """The line in ``width`` columns; what does not fit is left out, the last parts first."""
        text = ""
        for part in self._parts():
            longer = f"{text}{_GAP}{part}" if text else part
            if len(longer) > width:
                break
            text = longer
        return text

    def _parts(self) -> Iterator[str]:
        yield f"{self.finished:,} finished"
        yield f"{figure(self.rate)}/s"
        yield f"{self.busy:,} of {count(self.shards, 'shard')} at work"
        if self.failed:
            yield f"{self.failed:,} failed"
        if self.restarts:
            yield f"{count(self.restarts, 'restart')}"
        yield count(self.slots, "slot")
        yield f"{self.left:,} pending"


class RateWindow:
    """Measures entries per second over about ten seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def rate(self, now: float, finished: int) -> float:
        """``finished`` entries until ``now`` (seconds)."""
        marks = self._marks
        marks.append((now, finished))
        while len(marks) > 2 and marks[1][0] <= now - _WINDOW_S:
            marks.popleft()
        since, before = marks[0]
        return max(0, finished - before) / (now - since) if now > since else 0.0


def progress_of(
    standings: Sequence[ShardStanding], busy: int, slots: int, rate: float, restarts: int
) -> ShardProgress:
    counts = [each.counts for each in standings]
    return ShardProgress(
        len(counts),
        busy,
        slots,
        finished_in(standings),
        sum(each.failed for each in counts),
        sum(each.pending for each in counts),
        rate,
        restarts,
    )


def finished_in(standings: Sequence[ShardStanding]) -> int:
    """The number of entries with a final state."""
    counts = [each.counts for each in standings]
    return sum(each.done + each.failed + each.skipped for each in counts)
