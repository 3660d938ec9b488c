"""Decides which shard is ordered next, and when the crawl is over. Pure: ``now`` is passed in."""

import math
from collections.abc import Mapping

from crawler.distributed.levels import Levels
from crawler.distributed.records import ShardStanding
from crawler.model.errors import StateError
from crawler.runs.shards import INPUT

REST_S = 1.0
"""Seconds after which a shard is ordered again whose order brought nothing."""
MOST_LOST = 6
"""Orders for a shard that may be lost in a row, without one page in between."""


class Board:
    """How far all shards are, and which of them are ordered.

    It trusts nothing but what shards have committed: an answer that was lost, came twice or came
    late changes nothing that the state of its shard does not say.
    """

    def __init__(self, shards: int, levels: Levels | None = None) -> None:
        """With ``levels`` a shard is ordered only for what they allow."""
        self._levels = levels
        self._standings = [ShardStanding(number) for number in range(shards)]
        self._input: Mapping[int, int] = {}
        self._input_log = 0
        self._is_divided = False
        self._senders: list[set[int]] = [set() for _ in range(shards)]
        """For each shard, where there are letters for it that it has not taken."""
        self._turns = [0] * shards
        self._ordered: set[int] = set()
        self._not_before = [0.0] * shards
        self._since = [0.0] * shards
        self._lost = [0] * shards
        self._failed: dict[int, str] = {}
        self._again: set[int] = set()
        self._unseen: set[int] = set()

    @property
    def standings(self) -> list[ShardStanding]:
        return list(self._standings)

    @property
    def ordered(self) -> frozenset[int]:
        return frozenset(self._ordered)

    @property
    def unseen(self) -> frozenset[int]:
        """The shards of which it is not known how far they are: somebody may still crawl them."""
        return frozenset(self._unseen)

    @property
    def failed(self) -> Mapping[int, str]:
        """Why a shard cannot go on."""
        return self._failed

    @property
    def depth(self) -> int | None:
        """Up to which depth entries may be requested now; None: all."""
        return None if self._levels is None else self._levels.depth

    def divided(self, sent: Mapping[int, int], log: int, *, has_ended: bool) -> None:
        """The input was divided so far: records by shard, and the length of their log in bytes."""
        before, self._input = self._input, sent
        self._input_log, self._is_divided = log, has_ended
        if before is not sent:
            for shard in {*before, *sent}:
                self._note_letters(INPUT, shard)

    def visit_all(self) -> None:
        """Order every shard once, whether it has work or not."""
        self._again = set(range(len(self._standings)))

    def hide(self, shard: int) -> None:
        """How far ``shard`` is must be seen in its state, once nobody crawls it."""
        self._unseen.add(shard)

    def stands(self, standing: ShardStanding) -> None:
        """A shard that nobody crawls, or that is ordered, has committed this."""
        number = standing.shard
        self._unseen.discard(number)
        if standing.turn < self._standings[number].turn:
            return
        if _finished(standing) > _finished(self._standings[number]):
            self._lost[number] = 0
        before, self._standings[number] = self._standings[number], standing
        for target in {*before.sent, *standing.sent}:
            self._note_letters(number, target)
        for source in {*before.received, *standing.received}:
            self._note_letters(source, number)
        self._turns[number] = max(self._turns[number], standing.turn)

    def _note_letters(self, source: int, target: int) -> None:
        sent = self._input if source == INPUT else self._standings[source].sent
        if sent.get(target, 0) > self._standings[target].received.get(source, 0):
            self._senders[target].add(source)
        else:
            self._senders[target].discard(source)

    def next(self, now: float) -> int | None:
        """The shard to order now: the one with work that has waited longest, or None."""
        ready = [number for number in self._allowed() if self._not_before[number] <= now]
        return min(ready, key=lambda number: self._since[number], default=None)

    def _allowed(self) -> list[int]:
        """The shards with work that may be ordered."""
        busy = self._ordered | self._unseen
        free = [
            each
            for each in self._standings
            if each.shard not in busy and each.shard not in self._failed
        ]
        if self._levels is None:
            return [each.shard for each in free if self._has_work(each)]
        if not self._is_divided:
            return []  # a page of the input has the depth 0, also if another one links to it
        return self._levels.choose(
            free, self._is_due, lambda each: bool(self._senders[each.shard]), is_busy=bool(busy)
        )

    def _is_due(self, standing: ShardStanding) -> bool:
        return standing.shard in self._again or standing.is_due(self.depth)

    def _has_work(self, standing: ShardStanding) -> bool:
        return (
            standing.has_work
            or standing.shard in self._again
            or bool(self._senders[standing.shard])
        )

    def logs(self, shard: int) -> dict[int, int]:
        """The logs with letters for ``shard`` that it has not taken, with their lengths."""
        return {
            source: self._input_log if source == INPUT else self._standings[source].links
            for source in self._senders[shard]
        }

    def order(self, shard: int) -> int:
        """``shard`` is ordered; returns the number of this turn."""
        self._turns[shard] += 1
        self._ordered.add(shard)
        return self._turns[shard]

    def answered(self, shard: int, now: float) -> None:
        """The order of ``shard`` has come to its end."""
        self._ordered.discard(shard)
        self._again.discard(shard)
        self._since[shard] = now

    def rest(self, shard: int, now: float) -> None:
        """The order of ``shard`` was not carried out; it is ordered again after a while."""
        self._ordered.discard(shard)
        self.hide(shard)
        self._not_before[shard] = now + REST_S

    def lost(self, shard: int, now: float, why: str) -> None:
        """The order of ``shard`` will not be answered; how far it came is not known yet."""
        self.rest(shard, now)
        self._again.add(shard)  # once a later order has begun, no worker begins this one
        self._lost[shard] += 1
        if self._lost[shard] > MOST_LOST:
            self.fail(shard, f"{self._lost[shard]} sessions ended without a result: {why}")

    def fail(self, shard: int, why: str) -> None:
        """``shard`` cannot go on; the others can."""
        self._ordered.discard(shard)
        self._unseen.discard(shard)
        self._failed[shard] = why

    @property
    def is_over(self) -> bool:
        """Whether no shard is ordered and none has work, as far as the input is divided."""
        left = [each for each in self._standings if each.shard not in self._failed]
        is_busy = self._ordered or any(each.shard in self._unseen for each in left)
        return not is_busy and not any(map(self._has_work, left))

    def wakes_at(self, now: float) -> float:
        """When a shard that rests may be ordered again; infinite if none rests."""
        return min((at for at in self._not_before if at > now), default=math.inf)

    def check(self, shard: int) -> None:
        """Raises StateError if ``shard`` has received more than was sent: something is lost."""
        for source, received in self._standings[shard].received.items():
            if source in self._ordered or source in self._unseen or source in self._failed:
                continue  # it may have sent more than is known
            sent = self._input if source == INPUT else self._standings[source].sent
            if received > sent.get(shard, 0):
                name = "the input" if source == INPUT else f"shard {source}"
                raise StateError(
                    f"shard {shard} has received {received:,} records from {name}, which has sent "
                    f"it {sent.get(shard, 0):,}: files of the run were removed or are older than "
                    "others; restore all of them from one copy"
                )


def _finished(standing: ShardStanding) -> int:
    counts = standing.counts
    return counts.done + counts.failed + counts.skipped + counts.taken
