"""Runs the store on its own thread, so that the fetch thread does not write or wait."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec

from crawler.frontier.entry import Candidate, Entry, Final
from crawler.frontier.learned import NOTHING, Learned
from crawler.frontier.state.job_thread import Jobs, JobThread
from crawler.frontier.state.kept_cookies import Changes
from crawler.frontier.state.store import Store
from crawler.model.callbacks import Fail

RECENT = 100_000
"""Keys in memory (about 8 MB), so that frequent links need no disk access."""

MOST_AT_ONCE = 8_192
"""Candidates of one job: about a tenth of a second, for which a commit may have to wait."""
ROOM = 20_000
"""While more candidates than this wait, no further page is to bring its links."""

Entered = Callable[[Sequence[Candidate], Sequence[Candidate]], None]
Loaded = Callable[[Sequence[Entry]], None]


class Closing(msgspec.Struct, frozen=True):
    """What the next commit makes durable: final states, their counts, changed cookies, and what the
    next session must know.
    """

    finals: tuple[Final, ...]
    filtered: int
    bytes: int
    cookies: Changes = ()
    learned: Learned = NOTHING


class _Together(msgspec.Struct, frozen=True):
    """Candidates that are entered in one act, with the number of input lines that they are."""

    candidates: Sequence[Candidate]
    lines: int = 0


class StoreThread:
    """Call it on one event loop. Candidates that wait go to the store together."""

    def __init__(self, store: Store, jobs: Jobs | None = None) -> None:
        self._store = store
        self._jobs = jobs or JobThread("crawler-state")
        self._next_id = store.last_id + 1
        self._entered_id = store.last_id
        self._recent: set[int] = set()
        self._batches: deque[_Together] = deque()
        self._is_adding = False
        self._waiting = 0
        self._links_sent = self._links_entered = 0
        self._loading = 0
        self._finals: list[Final] = []
        self._filtered = self._bytes = 0
        self._origins: list[str] = []
        self._logins: dict[str, str] = {}
        self.done = store.counts.done
        """Number of pages from earlier sessions of the run."""

    def start(self, entered: Entered, loaded: Loaded, fail: Fail) -> None:
        """``entered`` receives the new candidates and the known ones, ``loaded`` the entries from
        disk, ``fail`` the first error (StateError).
        """
        self._report_entered = entered
        self._report_loaded = loaded
        self._fail = fail

    @property
    def is_entering(self) -> bool:
        """Whether some candidates are not reported to ``entered`` yet."""
        return self._is_adding or bool(self._batches)

    @property
    def has_room(self) -> bool:
        """Whether the links of a further page can be entered soon."""
        return self._waiting <= ROOM

    @property
    def is_loading(self) -> bool:
        """Whether entries from disk are not reported to ``loaded`` yet."""
        return self._loading > 0

    @property
    def is_busy(self) -> bool:
        """Whether entries are on their way into memory."""
        return self.is_entering or self.is_loading

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def knows(self, key: int) -> bool:
        """Whether ``key`` was seen recently; False does not mean that it is new."""
        if key in self._recent:
            return True
        if len(self._recent) >= RECENT:
            self._recent.clear()
        self._recent.add(key)
        return False

    def enter(self, candidates: Sequence[Candidate], lines: int = 0) -> None:
        """Enter ``candidates`` (ids ascending): ``lines`` lines of the input, or links (0)."""
        self._waiting += len(candidates)
        if lines:
            self._batches.append(_Together(candidates, lines))
        else:
            self._links_sent += len(candidates)
            for start in range(0, len(candidates), MOST_AT_ONCE):
                self._batches.append(_Together(candidates[start : start + MOST_AT_ONCE]))
        if not self._is_adding:
            self._add_next()

    @property
    def links_sent(self) -> int:
        """Number of links given to ``enter``. See ``has_entered``."""
        return self._links_sent

    def has_entered(self, links: int) -> bool:
        """Whether the first ``links`` links are entered and reported."""
        return self._links_entered >= links

    def _add_next(self) -> None:
        """Enter the next batches together, as many as are one job."""
        candidates: list[Candidate] = []
        lines = links = 0
        while self._batches and len(candidates) < MOST_AT_ONCE:
            batch = self._batches.popleft()
            candidates += batch.candidates
            lines += batch.lines
            links += 0 if batch.lines else len(batch.candidates)
        if not candidates and not lines:
            return
        origins, self._origins = self._origins, []
        logins, self._logins = self._logins, {}
        self._is_adding = True
        self._jobs.do(
            lambda: self._store.add(candidates, lines, origins, logins),
            lambda added: self._added(candidates, links, added),
            self._fail,
        )

    def _added(self, candidates: Sequence[Candidate], links: int, added: set[int]) -> None:
        self._is_adding = False
        self._waiting -= len(candidates)
        self._links_entered += links
        if candidates:
            self._entered_id = candidates[-1].id
        self._add_next()
        self._report_entered(
            [each for each in candidates if each.id in added],
            [each for each in candidates if each.id not in added],
        )

    def load(self, hosts: Sequence[str], most: int) -> None:
        """Load the next entries of ``hosts`` from disk, at most ``most`` per host.

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
        """Add the final state of an entry to the next commit."""
        self._finals.append(final)

    def count(self, *, filtered: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Count ``filtered`` links, which are not entries, and the ``bytes`` of finished pages."""
        self._filtered += filtered
        self._bytes += bytes

    def remember_origin(self, origin: str) -> None:
        """Store ``origin`` of the input together with the next candidates."""
        self._origins.append(origin)

    def remember_login(self, origin: str, userinfo: str) -> None:
        """Store a login of the input together with the next candidates."""
        self._logins[origin] = userinfo

    def closing(self, cookies: Changes = (), learned: Learned = NOTHING) -> Closing:
        """Return what happened since the last call; commit it after the outputs are durable.

        ``cookies`` are the changes of that time, for ``Store.keep_cookies``, and ``learned`` is for
        the next session.
        """
        closing = Closing(tuple(self._finals), self._filtered, self._bytes, cookies, learned)
        self._finals = []
        self._filtered = self._bytes = 0
        return closing

    async def commit(
        self, closing: Closing, offsets: Mapping[str, int], facts: Mapping[str, str]
    ) -> None:
        """``offsets`` is the length in bytes of each output by name. Raises StateError.

        Candidates that wait are not part of it, so that it takes a short time however many wait.
        """

        def commit() -> None:
            self._apply(closing)
            self._store.commit(offsets, facts)

        await self._jobs.run(commit)

    async def end(
        self, closing: Closing, offsets: Mapping[str, int], facts: Mapping[str, str], now: float
    ) -> None:
        """``commit`` for the last time: the session ends in order at ``now`` (Unix time)."""

        def end() -> None:
            self._apply(closing)
            self._store.end(offsets, facts, now=now)

        await self._jobs.run(end)

    def _apply(self, closing: Closing) -> None:
        self._store.finish(closing.finals, closing.filtered, closing.bytes)
        if closing.cookies:
            self._store.keep_cookies(closing.cookies)
        self._store.learn(closing.learned)

    async def duplicate_pages(self) -> int:
        """Return the number of pages with the same content as an earlier page."""
        return await self._jobs.run(self._store.duplicate_pages)

    def close(self) -> None:
        """End the thread; changes that were not committed are lost."""
        self._jobs.close()
        self._store.close()
