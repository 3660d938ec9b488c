"""What the driver and the slices of a sharded crawl tell each other, and how far a shard is."""

from pathlib import Path
from typing import Literal

import msgspec

from crawler.frontier.entry import Counts
from crawler.frontier.state.status import read_counts
from crawler.runs.layout import LINKS, STATE, shard_directory
from crawler.runs.shards import shard_facts


class ShardStanding(msgspec.Struct, frozen=True):
    """How far ``shard`` is, by its last commit.

    ``turn`` is the number of the newest order that was begun, ``sessions`` how many were. Of its
    ``counts`` the pending ones are work. ``links`` is the length of its log of links in bytes,
    ``sent`` and ``received`` are numbers of records by shard, in all sessions; ``is_read`` if all
    that were received are in the state. ``depth`` is the lowest one of a pending entry; None if
    there is no such entry, or if the pages are not requested level by level.
    """

    shard: int
    turn: int = 0
    sessions: int = 0
    counts: Counts = msgspec.field(default_factory=Counts)
    links: int = 0
    sent: dict[int, int] = {}
    received: dict[int, int] = {}
    is_read: bool = True
    depth: int | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is work without new letters."""
        return self.counts.pending > 0 or not self.is_read

    def is_due(self, depth: int | None) -> bool:
        """Whether there is work, if only entries up to ``depth`` (None: all) may be requested."""
        is_deeper = depth is not None and self.depth is not None and self.depth > depth
        return self.has_work and not (self.is_read and is_deeper)


def standing_of(run: Path, shard: int) -> ShardStanding:
    """What the state of ``shard`` says. Raises StateError if it cannot be read."""
    state = shard_directory(run, shard) / STATE
    if not state.parent.exists():
        return ShardStanding(shard)
    counts, facts = read_counts(state)
    found = shard_facts(state, facts)
    return ShardStanding(
        shard,
        found.turn,
        found.sessions,
        counts,
        found.offsets.get(LINKS, 0),
        found.sent,
        found.received,
        found.is_read,
        found.depth,
    )


class SliceOrder(msgspec.Struct, frozen=True):
    """Go on with ``shard`` of the run in the folder ``run`` for at most ``seconds``.

    ``logs`` has the length in bytes of each log with letters for it, by shard. ``epoch`` is the
    content of the run's file of that name. ``turn`` is larger than that of every earlier order for
    the shard. ``slots`` slices run at once and share the limits of the crawl. ``changes`` are
    options that are others in this session, by name. Entries up to ``depth`` (None: all) may be
    requested. The first order of each shard with this epoch puts ``again`` back.
    """

    version: str
    run: str
    shard: int
    shards: int
    turn: int
    epoch: str
    seconds: float
    logs: dict[int, int]
    slots: int
    changes: dict[str, object]
    depth: int | None = None
    again: tuple[str, ...] = ()


SliceOutcome = Literal["ended", "busy", "refused", "failed", "usage"]


class SliceAnswer(msgspec.Struct, frozen=True):
    """How a slice ended.

    ``ended``: ``standing`` is how far its shard is. ``busy``: another process crawls the shard.
    ``refused``: the order is an old one. ``failed``: the shard cannot go on, and ``usage``: no
    slice can; ``message`` says why.
    """

    shard: int
    turn: int
    outcome: SliceOutcome
    standing: ShardStanding | None = None
    message: str = ""
