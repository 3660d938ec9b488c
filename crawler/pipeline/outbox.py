"""What a shard of a crawl finds for other shards."""

from collections.abc import Mapping
from typing import Protocol

from crawler.frontier.entry import Candidate
from crawler.sinks.outputs import Channel
from crawler.sources import InputLine


class Outbox(Protocol):
    """Takes what other shards have to fetch. A crawl that is not sharded has none.

    A candidate has no id and no host: its shard gives it both.
    """

    def start(self, channel: Channel) -> None:
        """What is sent goes into ``channel``."""
        ...

    def is_foreign(self, url: str) -> bool:
        """Whether another shard fetches from the host of ``url``."""
        ...

    def send(self, found: Candidate | InputLine) -> None:
        """Send a link, an entry that continues elsewhere, or a line of a sitemap to its shard."""
        ...

    def facts(self) -> Mapping[str, str]:
        """Put everything sent so far into the channel; return what the same commit stores."""
        ...
