"""An entry: a URL of the input or of a followed link, unique by its key, and its state."""

from enum import IntEnum

import msgspec

from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason


class State(IntEnum):
    """The state of an entry; all but the first are final.

    A ``MOVED`` entry continues in another shard of the crawl, where it is counted.
    """

    PENDING = 0
    DONE = 1
    FAILED = 2
    SKIPPED = 3
    MOVED = 4


class Wrong(msgspec.Struct, frozen=True, array_like=True):
    """Why a line or a link is not fetched: a failure of ``kind``, or a skip with ``reason``."""

    kind: FailureKind | None
    reason: SkipReason | None
    message: str

    def error(self) -> FetchError | SkipError:
        if self.reason is not None:
            return SkipError(self.reason, self.message)
        assert self.kind is not None
        return FetchError(self.kind, self.message)


class Continuation(msgspec.Struct, frozen=True, array_like=True):
    """Where an entry continues that was redirected in another shard of the crawl: at ``url``.

    It has followed ``hops`` redirects. ``attempt`` and ``unanswered`` are those of its ``Ticket``.
    It waits until ``not_before`` (Unix time; 0: it does not wait), as the redirect requested.
    """

    url: str
    hops: int
    attempt: int = 1
    unanswered: int = 0
    not_before: float = 0.0


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """``host`` is that of the URL to fetch; an entry that is not a URL has none ("").

    ``seed`` is the input URL from which this URL was reached; for an input URL, the URL itself.
    ``row`` (a JSON object) contains the other columns of its table, and the line number.
    ``wrong`` is the reason why it cannot be fetched. ``next`` is where an entry continues that came
    from another shard.
    """

    id: int
    url: str
    host: str
    depth: int
    seed: str
    row: str | None = None
    wrong: Wrong | None = None
    next: Continuation | None = None


class Candidate(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A URL that becomes an entry if its ``key`` is new. Its fields are a row of the state file.

    ``spilled`` is 1 if the entry waits on disk, 0 if it waits in memory. ``next`` is that of an
    ``Entry``; it has a table of its own.
    """

    id: int
    key: int
    url: str
    host: str
    depth: int
    seed: str | None
    spilled: int
    row: str | None = None
    wrong: Wrong | None = None
    next: Continuation | None = None

    def entry(self) -> Entry:
        seed = self.seed or self.url
        return Entry(
            self.id, self.url, self.host, self.depth, seed, self.row, self.wrong, self.next
        )


def next_url(found: Entry | Candidate) -> str:
    """The URL that is requested next."""
    return found.url if found.next is None else found.next.url


INPUT = "input"
LINK = "link"
"""What an entry was found by: a line of the input, or a link."""


class Final(msgspec.Struct, frozen=True, array_like=True):
    """The final ``state`` of entry ``id``.

    ``why`` is the kind of a failure, the reason of a skip, or ``INPUT`` or ``LINK`` of an entry
    that has moved; ``digest`` is that of a page.
    """

    id: int
    state: State
    why: str | None = None
    digest: int | None = None


class Counts(msgspec.Struct):
    """The counts of a run over all its sessions; ``taken`` is the number of input lines read.

    At every commit ``done + failed + skipped + pending = input + discovered``.
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

    def end(self, final: Final) -> None:
        """An entry has ended without a page here."""
        if final.state is State.MOVED:
            self.input -= final.why == INPUT
            self.discovered -= final.why != INPUT
            return
        of, why = self.errors if final.state is State.FAILED else self.skips, final.why or ""
        of[why] = of.get(why, 0) + 1

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    @property
    def skipped(self) -> int:
        return sum(self.skips.values())

    @property
    def pending(self) -> int:
        return self.input + self.discovered - self.done - self.failed - self.skipped
