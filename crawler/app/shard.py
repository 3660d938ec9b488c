"""What makes a run a shard of a crawl."""

from collections.abc import Mapping

import msgspec

from crawler.pipeline.outbox import Outbox


class Shard(msgspec.Struct, frozen=True):
    """``outbox`` takes what other shards fetch.

    ``origins`` are those of the whole input, and ``logins`` their ``user:password``. ``slots``
    shards are crawled at once and share the limits of the crawl. Entries up to ``depth`` (None:
    all) may be requested.
    """

    outbox: Outbox
    origins: tuple[str, ...] = ()
    logins: Mapping[str, str] = {}
    slots: int = 1
    depth: int | None = None
