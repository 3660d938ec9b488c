"""The store behind a thread of its own: the fetch thread writes nothing and waits for nothing."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from crawler.frontier.entry import Candidate, Entry, Final
from crawler.frontier.state.store import Store

T = TypeVar("T")

RECENT = 100_000
"""Keys remembered in memory (about 8 MB), so that what is met often is not asked of the disk."""


class Closing(msgspec.Struct, frozen=True):
    """What the next commit will say: final states, and what they came with."""

    finals: tuple[Final, ...]
    filtered: int
    bytes: int
    facts: dict[str, str]


class StoreThread:
    """Call it on one event loop. Entries that came in meanwhile are entered together.

    ``entered`` is told which were new and which known, ``loaded`` what came from disk, ``fail`` the
    first error (StateError). ``remember`` gives the facts, by name, that go with a commit.
    """

    entered: Callable[[Sequence[Candidate], Sequence[Candidate]], None]
    loaded: Callable[[Sequence[Entry]], None]
    fail: Callable[[Exception], None]

    def __init__(self, store: Store) -> None:
        self.store = store
        self._thread = ThreadPoolExecutor(1, "crawler-state")
        self._next_id = store.last_id + 1
        self._entered_id = store.last_id
        self._recent: set[int] = set()
        self._news: list[Candidate] = []
        self._lines = 0
        self._adding = 0
        self._loading = 0
        self._finals: list[Final] = []
        self._filtered = self._bytes = 0
        self._named: list[str] = []
        self.remember: Callable[[], dict[str, str]] = dict

    @property
    def is_entering(self) -> bool:
        """Whether some of what was put in has not come to ``entered`` yet."""
        return bool(self._adding or self._news or self._lines)

    @property
    def is_busy(self) -> bool:
        """Whether entries are on their way into memory."""
        return self.is_entering or self._loading > 0

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def knows(self, key: int) -> bool:
        """Whether ``key`` was met lately; False says nothing."""
        if key in self._recent:
            return True
        if len(self._recent) >= RECENT:
            self._recent.clear()
        self._recent.add(key)
        return False

    def enter(self, news: Sequence[Candidate], lines: int = 0) -> None:
        """Enter ``news``, ids ascending, for which ``lines`` lines of the input were taken."""
        self._news += news
        self._lines += lines
        if not self._adding:
            self._flush()

    def _flush(self) -> None:
        if not self._news and not self._lines:
            return
        news, self._news = self._news, []
        lines, self._lines = self._lines, 0
        named, self._named = self._named, []
        self._adding += 1
        self._do(lambda: self.store.add(news, lines, named), lambda added: self._added(news, added))

    def _added(self, news: Sequence[Candidate], added: set[int]) -> None:
        self._adding -= 1
        if news:
            self._entered_id = news[-1].id
        self._flush()
        self.entered(
            [new for new in news if new.id in added], [new for new in news if new.id not in added]
        )

    def load(self, hosts: Sequence[str], most: int) -> None:
        """Bring the next entries of ``hosts`` from disk, at most ``most`` of each.

        What ``entered`` was not told of yet stays there: nobody has a place for it.
        """
        self._loading += 1
        last_id = self._entered_id
        self._do(lambda: self.store.take(hosts, most, last_id), self._came)

    def _came(self, entries: Sequence[Entry]) -> None:
        self._loading -= 1
        self.loaded(entries)

    def finish(self, final: Final) -> None:
        """An entry has its final state, which the next commit will say."""
        self._finals.append(final)

    def count(self, *, filtered: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Links that became no entries, and the size of pages, of what ``finish`` was told of."""
        self._filtered += filtered
        self._bytes += bytes

    def remember_origin(self, origin: str) -> None:
        """What is entered next names ``origin``."""
        self._named.append(origin)

    def closing(self) -> Closing:
        """What has happened since the last call: to be committed once the outputs are durable."""
        closing = Closing(
            tuple(self._finals),
            self._filtered,
            self._bytes,
            self.remember(),
        )
        self._finals = []
        self._filtered = self._bytes = 0
        return closing

    async def commit(self, closing: Closing, offsets: Sequence[int]) -> None:
        """Raises StateError."""
        self._flush()  # links go before the final state of the page they are on
        await self._run(lambda: self._commit(closing, offsets))

    def _commit(self, closing: Closing, offsets: Sequence[int]) -> None:
        store = self.store
        store.finish(closing.finals)
        store.counts.filtered += closing.filtered
        store.counts.bytes += closing.bytes
        store.facts.update(closing.facts)
        store.commit(offsets)

    async def duplicate_pages(self) -> int:
        """How many pages had a content that another page had before."""
        return await self._run(self.store.duplicate_pages)

    def _run(self, job: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, job)

    def _do(self, job: Callable[[], T], then: Callable[[T], None]) -> None:
        def done(future: "asyncio.Future[T]") -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                then(future.result())
            else:
                assert isinstance(error, Exception)
                self.fail(error)

        self._run(job).add_done_callback(done)

    def close(self) -> None:
        """Ends the thread; what was not committed is dropped."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self.store.close()
