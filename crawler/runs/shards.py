"""Reads the shards of a run from outside, also while they are crawled."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from crawler.frontier.state.status import last_commit, read_counts
from crawler.metrics.progress import RunProgress
from crawler.metrics.report import Urls
from crawler.model.errors import StateError
from crawler.runs.layout import SHARDS, STATE, is_locked
from crawler.runs.progress import progress_of

INPUT = -1
"""Stands for the input where the number of a shard is expected."""
SENT = "sent"
"""The name of the fact that has how many records were sent to each shard, in all sessions."""
RECEIVED = "received"
"""The name of the fact that has how many records came from each shard before this session."""
TURN = "turn"
SESSIONS = "sessions"
COUNT = "shards"
"""The name of the fact that has the number of shards."""
DEPTH = "depth"
"""Name of the fact that has the lowest depth of a pending entry, or nothing if there is none; only
where the pages are requested level by level.
"""
numbers = msgspec.json.Decoder(dict[int, int]).decode
"""Returns the numbers by shard that a fact has."""
_offsets = msgspec.json.Decoder(dict[str, int]).decode


class ShardFacts(msgspec.Struct, frozen=True):
    """What a shard has stored beside its entries; it is one of ``shards``.

    ``sent`` and ``received`` are numbers of records by shard, in all ``sessions``; ``is_read`` if
    all that were received have become entries. ``turn`` is the number of the newest order that was
    begun. ``offsets`` is the committed length of each output. ``depth`` is the lowest one of a
    pending entry; None if there is no such entry, or if pages are not requested level by level.
    """

    is_read: bool = False
    shards: int = 1
    sessions: int = 0
    sent: dict[int, int] = {}
    received: dict[int, int] = {}
    offsets: dict[str, int] = {}
    turn: int = 0
    depth: int | None = None


class ShardState(msgspec.Struct, frozen=True):
    """Shard ``number`` at its last commit; ``running`` if it is being crawled.

    ``committed`` is a Unix time. ``progress`` is what the last session wrote, if there is work.
    """

    number: int
    directory: Path
    running: bool
    committed: float
    urls: Urls = Urls()
    bytes: int = 0
    errors: dict[str, int] = {}
    skips: dict[str, int] = {}
    facts: ShardFacts = ShardFacts()
    progress: RunProgress | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is work without new records from other shards."""
        return self.urls.pending > 0 or not self.facts.is_read


def shard_directories(directory: Path) -> list[tuple[int, Path]]:
    """Return number and directory of each shard that has begun, by number."""
    names = (each for each in (directory / SHARDS).iterdir() if each.name.isdecimal())
    return sorted((int(each.name), each) for each in names)


def read_shards(directory: Path) -> list[ShardState]:
    """Return the shards that have begun, by number. Raises StateError."""
    return [_read(number, shard) for number, shard in shard_directories(directory)]


def read_input(directory: Path) -> ShardFacts:
    """Return what the driver has stored about the input: what was sent, and whether it is read.

    Raises StateError. A driver that keeps its state to itself has sent nothing that is known.
    """
    running, path = is_locked(directory), directory / STATE
    try:
        _, facts = read_counts(path, wait=0, quiet=not running)
    except StateError:
        if not running:
            raise
        return ShardFacts()
    return shard_facts(path, facts)


def on_the_way(shards: Sequence[ShardState], of_input: Mapping[int, int]) -> dict[int, int]:
    """Return how many records were sent to each shard and have not been received there.

    ``of_input`` is what the input sent. A shard that keeps its state to itself while it is crawled
    is left out.
    """
    received = {each.number: each.facts.received for each in shards}
    closed = {each.number for each in shards if each.running and not each.facts.sessions}
    found: dict[int, int] = {}
    for source, sent in [(INPUT, of_input), *((each.number, each.facts.sent) for each in shards)]:
        for target, number in sent.items():
            missing = number - received.get(target, {}).get(source, 0)
            if missing > 0 and target not in closed:
                found[target] = found.get(target, 0) + missing
    return found


def _read(number: int, directory: Path) -> ShardState:
    running, path = is_locked(directory), directory / STATE
    state = ShardState(number, directory, running, last_commit(path))
    try:
        counts, facts = read_counts(path, wait=0, quiet=not running)
    except StateError:
        if not running:
            raise
        return _from_progress(state)
    return msgspec.structs.replace(
        state,
        urls=Urls.of(counts),
        bytes=counts.bytes,
        errors=counts.errors,
        skips=counts.skips,
        facts=shard_facts(path, facts),
        progress=progress_of(directory) if running or counts.pending else None,
    )


def shard_facts(path: Path, facts: Mapping[str, str]) -> ShardFacts:
    """Read the ``facts`` of the state at ``path``. Raises StateError."""
    try:
        return ShardFacts(
            is_read=facts.get("input") == "read",
            shards=int(facts.get(COUNT, 1)),
            sessions=int(facts.get(SESSIONS, 0)),
            sent=numbers(facts.get(SENT, "{}")),
            received=numbers(facts.get(RECEIVED, "{}")),
            offsets=_offsets(facts.get("offsets", "{}")),
            turn=int(facts.get(TURN, 0)),
            depth=int(facts[DEPTH]) if facts.get(DEPTH) else None,
        )
    except ValueError as error:  # msgspec.DecodeError is one
        raise StateError(f"{path}: {error}") from None


def _from_progress(state: ShardState) -> ShardState:
    """A shard whose state another process keeps to itself, or has just begun to create."""
    progress = progress_of(state.directory)
    if progress is None:
        return state
    return msgspec.structs.replace(
        state,
        urls=progress.urls,
        bytes=progress.bytes,
        errors=progress.errors,
        skips=progress.skips,
        progress=progress,
    )
