"""A sharded run as one: pure sums over its shards."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from heapq import nlargest

import msgspec

from crawler.metrics.progress import MAX_HOSTS, SlotUse
from crawler.metrics.report import Urls
from crawler.metrics.sums import plus
from crawler.model.resting import RestingHost
from crawler.runs.shards import ShardFacts, ShardState, on_the_way

_MOST_SHARDS = 100
_MOST_ENTRIES = 1_000_000
"""The pending URLs of hosts are counted in so many shards, and until they have so many entries."""


class ShardedProgress(msgspec.Struct, frozen=True):
    """Of all ``shards``, ``running`` are being crawled, and ``finished`` have no work.

    ``on_the_way`` records (lines of the input, links, entries that were redirected) were sent to a
    shard that has not received them. ``rate`` is URLs finished per second. ``resting`` has at most
    100 of the ``resting_hosts`` that rest.
    """

    shards: int
    finished: int
    running: int
    on_the_way: int
    rate: float
    slots: SlotUse
    resting_hosts: int
    resting: tuple[RestingHost, ...]


class ShardedCounts(msgspec.Struct, frozen=True):
    """Sums over the shards, as in a ``Status``."""

    urls: Urls = Urls()
    bytes: int = 0
    errors: dict[str, int] = {}
    skips: dict[str, int] = {}


def counted(shards: Sequence[ShardState]) -> ShardedCounts:
    each = (ShardedCounts(one.urls, one.bytes, one.errors, one.skips) for one in shards)
    return reduce(plus, each, ShardedCounts())


def is_finished(shards: Sequence[ShardState], of_input: ShardFacts) -> bool:
    """Whether all of the input has reached the shards, and nothing is left to do in any."""
    return (
        of_input.is_read
        and not any(each.has_work for each in shards)
        and not on_the_way(shards, of_input.sent)
    )


def sharded_progress(
    shards: Sequence[ShardState], of_input: ShardFacts, now: datetime
) -> ShardedProgress:
    travelling = on_the_way(shards, of_input.sent)
    working = travelling.keys() | {each.number for each in shards if each.has_work}
    begun = len(travelling.keys() | {each.number for each in shards})
    total = max([begun, *(each.facts.shards for each in shards)])
    current = [each.progress for each in shards if each.running and each.progress]
    resting, hosts = _resting(shards, now)
    return ShardedProgress(
        shards=total,
        finished=(total if of_input.is_read else begun) - len(working),
        running=sum(each.running for each in shards),
        on_the_way=sum(travelling.values()),
        rate=sum(each.rate for each in current),
        slots=reduce(plus, (each.slots for each in current), SlotUse(0, 0)),
        resting_hosts=resting,
        resting=hosts,
    )


def _resting(shards: Sequence[ShardState], now: datetime) -> tuple[int, tuple[RestingHost, ...]]:
    """How many hosts rest, and some of them, longest first.

    Between two sessions of a shard its hosts rest until their time has come.
    """
    total, hosts = 0, []
    for shard in shards:
        if shard.progress is not None:
            listed = shard.progress.resting
            over = [] if shard.running else [each for each in listed if each.until <= now]
            total += shard.progress.resting_hosts - len(over)
            hosts += [each for each in listed if each not in over]
    hosts.sort(key=lambda each: each.since)
    return total, tuple(hosts[:MAX_HOSTS])


def busiest_hosts(
    shards: Sequence[ShardState], most: int, read: Callable[[ShardState], Mapping[str, int]]
) -> dict[str, int]:
    """Return the ``most`` hosts with the most pending URLs, in descending order.

    ``read`` returns those of one shard. It is called for shards with many pending URLs first, and
    only as long as the next one can have such a host; of many or large shards, not for all.
    """
    found: dict[str, int] = {}
    for shard in _worth_reading(shards):
        if len(found) == most and shard.urls.pending <= min(found.values()):
            break
        ranked = sorted(plus(found, dict(read(shard))).items(), key=lambda host: -host[1])
        found = dict(ranked[:most])
    return found


def _worth_reading(shards: Sequence[ShardState]) -> Iterator[ShardState]:
    entries = 0
    for shard in nlargest(_MOST_SHARDS, shards, key=lambda each: each.urls.pending):
        if not shard.urls.pending or entries > _MOST_ENTRIES:
            return
        entries += shard.urls.input + shard.urls.discovered
        yield shard
