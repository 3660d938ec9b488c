"""The store on a thread of its own: the fetch thread writes nothing and waits for nothing."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from crawler.frontier.entry import Candidate, Entry, Final
from crawler.frontier.state.job_thread import Jobs, JobThread
from crawler.frontier.state.store import Store
from crawler.model.callbacks import Fail

RECENT = 100_000
"""Keys that are remembered in memory (about 8 MB), so that frequent links need no disk access."""

Entered = Callable[[Sequence[Candidate], Sequence[Candidate]], None]
Loaded = Callable[[Sequence[Entry]], None]


class Closing(msgspec.Struct, frozen=True):
    """What the next commit makes durable: final states, and the figures that belong to them."""

    finals: tuple[Final, ...]
    filtered: int
    bytes: int


class StoreThread:
    """Call it on one event loop. Candidates that wait are entered together."""

    def __init__(self, store: Store, jobs: Jobs | None = None) -> None:
        self._store = store
        self._jobs = jobs or JobThread("crawler-state")
        self._next_id = store.last_id + 1
        self._entered_id = store.last_id
        self._recent: set[int] = set()
        self._candidates: list[Candidate] = []
        self._lines = 0
        self._adding = 0
        self._loading = 0
        self._finals: list[Final] = []
        self._filtered = self._bytes = 0
        self._origins: list[str] = []
        self.done = store.counts.done
        """Pages that earlier sessions of the run have finished."""

    def start(self, entered: Entered, loaded: Loaded, fail: Fail) -> None:
        """``entered`` takes the new candidates and those known before, ``loaded`` what comes from
        disk, ``fail`` the first error (StateError).
        """
        self._report_entered = entered
        self._report_loaded = loaded
        self._fail = fail

    @property
    def is_entering(self) -> bool:
        """Whether candidates wait that were not reported to ``entered`` yet."""
        return bool(self._adding or self._candidates or self._lines)

    @property
    def is_busy(self) -> bool:
        """Whether entries are on their way into memory."""
        return self.is_entering or self._loading > 0

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def knows(self, key: int) -> bool:
        """Whether ``key`` was seen lately; False does not mean that it is new."""
        if key in self._recent:
            return True
        if len(self._recent) >= RECENT:
            self._recent.clear()
        self._recent.add(key)
        return False

    def enter(self, candidates: Sequence[Candidate], lines: int = 0) -> None:
        """Enter ``candidates`` (ids ascending), which came from ``lines`` lines of the input."""
        self._candidates += candidates
        self._lines += lines
        if not self._adding:
            self._flush()

    def _flush(self) -> None:
        if not self._candidates and not self._lines:
            return
        candidates, self._candidates = self._candidates, []
        lines, self._lines = self._lines, 0
        origins, self._origins = self._origins, []
        self._adding += 1
        self._jobs.do(
            lambda: self._store.add(candidates, lines, origins),
            lambda added: self._added(candidates, added),
            self._fail,
        )

    def _added(self, candidates: Sequence[Candidate], added: set[int]) -> None:
        self._adding -= 1
        if candidates:
            self._entered_id = candidates[-1].id
        self._flush()
        self._report_entered(
            [each for each in candidates if each.id in added],
            [each for each in candidates if each.id not in added],
        )

    def load(self, hosts: Sequence[str], most: int) -> None:
        """Bring the next entries of ``hosts`` from disk, at most ``most`` of each.

        Entries that were not reported to ``entered`` yet stay on disk.
        """
        self._loading += 1
        last_id = self._entered_id
        self._jobs.do(
            lambda: self._store.take(hosts, most, last_id), self._loaded_entries, self._fail
        )

    def _loaded_entries(self, entries: Sequence[Entry]) -> None:
        self._loading -= 1
        self._report_loaded(entries)

    def finish(self, final: Final) -> None:
        """The next commit makes the final state of an entry durable."""
        self._finals.append(final)

    def count(self, *, filtered: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Count links that became no entries, and the bytes of the pages that ``finish`` got."""
        self._filtered += filtered
        self._bytes += bytes

    def remember_origin(self, origin: str) -> None:
        """The candidates that are entered next name ``origin`` in the input."""
        self._origins.append(origin)

    def closing(self) -> Closing:
        """What happened since the last call; commit it once the outputs are durable."""
        closing = Closing(tuple(self._finals), self._filtered, self._bytes)
        self._finals = []
        self._filtered = self._bytes = 0
        return closing

    async def commit(
        self, closing: Closing, offsets: Mapping[str, int], facts: Mapping[str, str]
    ) -> None:
        """``offsets`` is the length of each output, by its name. Raises StateError."""
        self._flush()  # links go before the final state of the page they are on
        await self._jobs.run(lambda: self._commit(closing, offsets, facts))

    def _commit(
        self, closing: Closing, offsets: Mapping[str, int], facts: Mapping[str, str]
    ) -> None:
        store = self._store
        store.finish(closing.finals)
        store.counts.filtered += closing.filtered
        store.counts.bytes += closing.bytes
        store.facts.update(facts)
        store.commit(offsets)

    async def duplicate_pages(self) -> int:
        """How many pages had the same content as an earlier page."""
        return await self._jobs.run(self._store.duplicate_pages)

    def close(self) -> None:
        """End the thread; what was not committed is dropped."""
        self._jobs.close()
        self._store.close()
