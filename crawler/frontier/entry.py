"""An entry: a URL of the input or of a followed link, unique by its key, and what became of it."""

from enum import IntEnum

import msgspec

from crawler.model.urls import authority


class State(IntEnum):
    """Where an entry stands; the last three are final."""

    PENDING = 0
    DONE = 1
    FAILED = 2
    SKIPPED = 3


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """``seed`` is the input URL from which this one was reached; an input URL is its own.

    ``row`` (a JSON object) is what stood beside it in the table it came from, and in which line.
    ``wrong`` is why an input line cannot be fetched: a kind or a reason, a blank, the message.
    """

    id: int
    url: str
    depth: int
    seed: str
    row: str | None = None
    wrong: str | None = None

    @property
    def host(self) -> str:
        """Whose turn it waits for; what is no URL has no host."""
        return "" if self.wrong is not None else authority(self.url)


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """What may become an entry, if ``key`` is not known. Its fields are a row of the state file.

    ``spilled`` (0 or 1) is whether it waits on disk for its turn, not in memory.
    """

    id: int
    key: int
    url: str
    host: str
    depth: int
    seed: str | None
    spilled: int
    row: str | None = None
    wrong: str | None = None

    def entry(self) -> Entry:
        return Entry(self.id, self.url, self.depth, self.seed or self.url, self.row, self.wrong)


class Final(msgspec.Struct, frozen=True, array_like=True):
    """The final ``state`` of entry ``id``: ``why`` for a failure or skip, ``digest`` of a page."""

    id: int
    state: State
    why: str | None = None
    digest: int | None = None


class Counts(msgspec.Struct):
    """The accounts of a run over all its sessions; ``taken`` is the lines read of the input.

    ``done + failed + skipped + pending = input + discovered``, at every commit.
    """

    taken: int = 0
    input: int = 0
    duplicates: int = 0
    discovered: int = 0
    filtered: int = 0
    done: int = 0
    bytes: int = 0
    errors: dict[str, int] = {}
    skips: dict[str, int] = {}

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    @property
    def skipped(self) -> int:
        return sum(self.skips.values())

    @property
    def pending(self) -> int:
        return self.input + self.discovered - self.done - self.failed - self.skipped
