"""The books of a sharded run: what all its shards have, and what they sent one another."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from support.killing import RECORDS

from crawler.distributed.inbox import Inbox
from crawler.distributed.records import ShardStanding, standing_of
from crawler.frontier.state.status import read_counts
from crawler.runs.layout import INBOX, STATE, shard_directory
from crawler.runs.shards import INPUT, numbers

_BY_CHANCE = ("fetched_at", "elapsed_ms", "attempts", "depth", "seed", "source")


def standings(run: Path) -> list[ShardStanding]:
    """Of all shards that have begun."""
    return [standing_of(run, int(each.name)) for each in sorted((run / "shards").iterdir())]


def records(run: Path) -> dict[str, dict[str, Any]]:
    """The records of all shards by file and URL. Fails if a line is torn, or a URL comes twice."""
    seen: Counter[str] = Counter()
    found: dict[str, dict[str, Any]] = {name: {} for name in RECORDS}
    is_sharded = (run / "shards").exists()
    for folder in sorted((run / "shards").iterdir()) if is_sharded else [run]:
        for name in RECORDS:
            text = (folder / f"{name}.jsonl").read_text()
            assert not text or text.endswith("\n"), f"{folder}: {name}.jsonl ends within a line"
            for record in map(json.loads, text.splitlines()):
                seen[record["url"]] += 1
                found[name][record["url"]] = {
                    key: each for key, each in record.items() if key not in _BY_CHANCE
                }
    twice = {url: times for url, times in seen.items() if times > 1}
    assert not twice, f"recorded more than once: {twice}"
    return found


def check_books(run: Path) -> None:
    """Fails unless all that was sent has come and was taken, for each pair of shards."""
    shards = standings(run)
    sent = {each.shard: each.sent for each in shards}
    _, facts = read_counts(run / STATE)
    sent[INPUT] = numbers(facts["sent"])
    for reader in shards:
        for source, by_source in sent.items():
            pair = f"from {source} to {reader.shard}"
            assert by_source.get(reader.shard, 0) == reader.received.get(source, 0), pair
        assert not reader.has_work, f"shard {reader.shard} has work"
        counts = reader.counts
        final = counts.done + counts.failed + counts.skipped
        assert final == counts.input + counts.discovered, f"shard {reader.shard}"
        inbox = Inbox(shard_directory(run, reader.shard) / INBOX, reader.shard, reader.received)
        inbox.close()
        assert inbox.received == reader.received
    begun = {each.shard for each in shards}
    lost = {shard for by_source in sent.values() for shard, n in by_source.items() if n} - begun
    assert not lost, f"letters for shards that never began: {lost}"
