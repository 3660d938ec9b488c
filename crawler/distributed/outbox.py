"""The outbox of a shard: what it finds for other shards, in letters, in its ``links.log``."""

from collections import defaultdict
from collections.abc import Callable, Mapping

import msgspec

from crawler.distributed.letters import LetterKind, encode, pack, records
from crawler.distributed.partition import owner
from crawler.frontier.entry import Candidate, next_url
from crawler.runs.shards import SENT
from crawler.sinks.outputs import Channel
from crawler.sources import InputLine

MOST_WAITING = 1 << 18
"""Bytes that are gathered before letters are written; each commit writes what there is."""


class Letters:
    """Gathers records by shard and kind; ``put`` receives the letters."""

    def __init__(self, put: Callable[[bytes], None], sent: Mapping[int, int]) -> None:
        """``sent`` is how many records each shard was sent before."""
        self._put = put
        self._waiting: dict[tuple[int, LetterKind], list[bytes]] = defaultdict(list)
        self._bytes = 0
        self._sent = dict(sent)

    def add(self, shard: int, found: Candidate | InputLine) -> None:
        data = encode(found)
        self._waiting[shard, _kind_of(found)].append(data)
        self._bytes += len(data)
        if self._bytes >= MOST_WAITING:
            self.flush()

    def flush(self) -> dict[int, int]:
        """Write everything; return how many records each shard was sent so far."""
        for (shard, kind), encoded in self._waiting.items():
            self._put(pack(shard, kind, records(encoded), len(encoded)))
            self._sent[shard] = self._sent.get(shard, 0) + len(encoded)
        self._waiting.clear()
        self._bytes = 0
        return dict(self._sent)


def _kind_of(found: Candidate | InputLine) -> LetterKind:
    if isinstance(found, Candidate):
        return LetterKind.LINKS
    return LetterKind.LINES if found.sitemap is None else LetterKind.SITEMAPS


class ShardOutbox:
    """The outbox of shard ``number`` of ``count``; it is an ``Outbox`` of the pipeline.

    ``sent`` is what earlier sessions have sent; ``constant`` facts are part of every commit.
    """

    def __init__(
        self, number: int, count: int, sent: Mapping[int, int], constant: Mapping[str, str]
    ) -> None:
        self._number = number
        self._count = count
        self._sent = sent
        self._constant = constant

    def start(self, channel: Channel) -> None:
        self._letters = Letters(channel.put, self._sent)

    def is_foreign(self, url: str) -> bool:
        return owner(url, self._count) != self._number

    def send(self, found: Candidate | InputLine) -> None:
        url = next_url(found) if isinstance(found, Candidate) else found.url
        self._letters.add(owner(url, self._count), found)

    def facts(self) -> Mapping[str, str]:
        sent = msgspec.json.encode(self._letters.flush()).decode()
        return {**self._constant, SENT: sent}
