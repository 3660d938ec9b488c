"""The store behind its thread: what waits is entered together, in jobs that a commit can pass."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from crawler.frontier.entry import Candidate, Entry, Final, State
from crawler.frontier.state.job_thread import JobThread
from crawler.frontier.state.status import read_counts
from crawler.frontier.state.store import Store
from crawler.frontier.state.store_thread import MOST_AT_ONCE, RECENT, StoreThread
from crawler.model.errors import StateError


def new(thread: StoreThread, name: str, depth: int = 0, spilled: int = 0) -> Candidate:
    return Candidate(thread.new_id(), hash(name), f"http://a/{name}", "a", depth, None, spilled)


class Harness:
    """A thread and what it entered; ``gate`` holds its thread up until it is set."""

    def __init__(self, path: Path) -> None:
        self.store = Store.create(path)
        self.jobs = JobThread("test-state")
        self.thread = StoreThread(self.store, self.jobs)
        self.entered: list[tuple[list[str], list[str]]] = []
        self.loaded: list[str] = []
        self.errors: list[Exception] = []
        self.changed = asyncio.Event()
        self.gate = threading.Event()
        self.thread.start(self._entered, self._loaded, self._fail)

    def _entered(self, fresh: Sequence[Candidate], known: Sequence[Candidate]) -> None:
        self.entered.append((names(fresh), names(known)))
        self.changed.set()

    def _loaded(self, entries: Sequence[Entry]) -> None:
        self.loaded += names(entries)
        self.changed.set()

    def _fail(self, error: Exception) -> None:
        self.errors.append(error)
        self.changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    def hold_thread(self) -> None:
        self.jobs.run(self.gate.wait)


def names(entries: Sequence[Candidate] | Sequence[Entry]) -> list[str]:
    return [each.url.rpartition("/")[2] for each in entries]


@pytest.fixture
def harness(path: Path) -> Iterator[Harness]:
    harness = Harness(path)
    yield harness
    harness.gate.set()
    harness.thread.close()


async def test_entries_that_waited_are_entered_together(harness: Harness) -> None:
    thread = harness.thread
    harness.hold_thread()
    for name in ("x", "y", "x", "z"):
        thread.enter([new(thread, name)], lines=1)
    assert thread.is_entering
    assert thread.is_busy
    harness.gate.set()
    await harness.until(lambda: len(harness.entered) == 2)
    assert harness.entered == [(["x"], []), (["y", "z"], ["x"])]
    assert not thread.is_busy
    assert (harness.store.counts.taken, harness.store.counts.input) == (4, 3)


async def test_lines_without_an_entry_are_counted_as_taken(harness: Harness) -> None:
    harness.thread.enter([], lines=5)
    await harness.until(lambda: harness.entered)
    assert harness.entered == [([], [])]
    assert harness.store.counts.taken == 5


@pytest.mark.promise("P35")
async def test_a_commit_has_the_links_that_were_reported(harness: Harness, path: Path) -> None:
    thread = harness.thread
    thread.enter([new(thread, "page")], lines=1)
    thread.enter([new(thread, "other", depth=1)])
    thread.enter([new(thread, "link", depth=1)])
    assert not thread.has_entered(thread.links_sent)
    await harness.until(lambda: thread.has_entered(thread.links_sent))
    thread.finish(Final(1, State.DONE, digest=1))
    thread.count(filtered=2, bytes=30)
    await thread.commit(thread.closing(), {"pages": 40}, {})
    with closing(Store.open(path)) as committed:
        counts = committed.counts
        assert (counts.done, counts.discovered, counts.pending) == (1, 2, 2)
        assert (counts.filtered, counts.bytes, committed.offsets) == (2, 30, {"pages": 40})


@pytest.mark.promise("P61")
async def test_a_commit_does_not_wait_for_all_candidates(harness: Harness, path: Path) -> None:
    thread = harness.thread
    assert thread.has_room
    harness.hold_thread()
    waiting = 3 * MOST_AT_ONCE
    thread.enter([new(thread, f"{number}", depth=1) for number in range(waiting)])
    assert not thread.has_room
    committing = asyncio.ensure_future(thread.commit(thread.closing(), {}, {}))
    await asyncio.sleep(0)
    harness.gate.set()
    await committing
    assert read_counts(path)[0].discovered == MOST_AT_ONCE
    await harness.until(lambda: thread.has_entered(waiting))
    assert thread.has_room


async def test_final_states_are_committed_once(harness: Harness) -> None:
    thread = harness.thread
    thread.enter([new(thread, "x"), new(thread, "y")], lines=2)
    await harness.until(lambda: harness.entered)
    thread.finish(Final(1, State.DONE, digest=1))
    first = thread.closing()
    thread.finish(Final(2, State.FAILED, "dns"))
    await thread.commit(first, {}, {})
    assert (harness.store.counts.done, harness.store.counts.failed) == (1, 0)
    assert "engine" not in harness.store.facts
    await thread.commit(thread.closing(), {}, {"engine": "curl"})
    assert (harness.store.counts.done, harness.store.counts.failed) == (1, 1)
    assert harness.store.facts["engine"] == "curl"
    assert not thread.closing().finals


async def test_origins_are_committed_with_their_entries(harness: Harness, path: Path) -> None:
    thread = harness.thread
    thread.remember_origin("http://a")
    thread.enter([new(thread, "x")], lines=1)
    await thread.commit(thread.closing(), {}, {})
    with closing(Store.open(path)) as committed:
        assert list(committed.named()) == ["http://a"]


async def test_loading_from_disk_makes_the_ledger_busy(harness: Harness) -> None:
    thread = harness.thread
    thread.enter([new(thread, name, spilled=1) for name in "xyz"], lines=3)
    await harness.until(lambda: harness.entered)
    thread.load(["a"], 2)
    assert thread.is_busy
    assert not thread.is_entering
    await harness.until(lambda: harness.loaded)
    assert harness.loaded == ["x", "y"]
    assert not thread.is_busy


async def test_only_announced_entries_are_loaded(harness: Harness) -> None:
    """Who asks has places for what it knows to be on disk, and for no more."""
    thread = harness.thread
    thread.enter([new(thread, "x", spilled=1)], lines=1)
    await harness.until(lambda: harness.entered)
    thread.enter([new(thread, "y", spilled=1)], lines=1)
    thread.load(["a"], 9)
    await harness.until(lambda: harness.loaded)
    assert harness.loaded == ["x"]
    thread.load(["a"], 9)
    await harness.until(lambda: len(harness.loaded) == 2)
    assert harness.loaded == ["x", "y"]


async def test_entries_of_an_earlier_session_are_loaded(path: Path) -> None:
    store = Store.create(path)
    store.add([Candidate(1, 1, "http://a/x", "a", 0, None, 1)])
    store.commit({})
    store.close()
    harness = Harness.__new__(Harness)
    harness.thread = StoreThread(Store.open(path))
    harness.loaded, harness.changed = [], asyncio.Event()
    harness.thread.start(lambda new, known: None, harness._loaded, lambda error: None)
    harness.thread.load(["a"], 9)
    await harness.until(lambda: harness.loaded)
    assert harness.loaded == ["x"]
    assert harness.thread.new_id() == 2
    harness.thread.close()


@pytest.mark.promise("P37")
async def test_state_errors_are_passed_on(harness: Harness) -> None:
    thread = harness.thread
    harness.store.close()
    thread.enter([new(thread, "x")], lines=1)
    await harness.until(lambda: harness.errors)
    thread.load(["a"], 2)
    await harness.until(lambda: len(harness.errors) == 2)
    assert all(isinstance(error, StateError) for error in harness.errors)
    with pytest.raises(StateError, match=r"state\.db"):
        await thread.commit(thread.closing(), {}, {})


async def test_closing_drops_uncommitted_entries(path: Path) -> None:
    harness = Harness(path)
    thread = harness.thread
    thread.enter([new(thread, "x")], lines=1)
    await harness.until(lambda: harness.entered)
    thread.close()
    with closing(Store.open(path)) as committed:
        assert committed.counts.input == 0


@pytest.mark.promise("P23")
async def test_memory_of_recent_keys_is_bounded(harness: Harness) -> None:
    knows = harness.thread.knows
    assert not knows(1)
    assert knows(1)
    for key in range(2, RECENT + 2):
        assert not knows(key)
    assert len(harness.thread._recent) <= RECENT
    assert not knows(1), "forgotten, and so asked of the disk again"
