"""The store behind its thread: what waits is entered together, and a commit leaves nothing out."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from crawler.frontier.entry import Candidate, Entry, Final, State
from crawler.frontier.state.store import Store
from crawler.frontier.state.store_thread import RECENT, StoreThread
from crawler.model.errors import StateError


def new(ledger: StoreThread, name: str, depth: int = 0, spilled: int = 0) -> Candidate:
    return Candidate(ledger.new_id(), hash(name), f"http://a/{name}", "a", depth, None, spilled)


class Harness:
    """A ledger and what it entered; ``gate`` holds its thread up until it is set."""

    def __init__(self, path: Path) -> None:
        self.store = Store.create(path)
        self.ledger = StoreThread(self.store)
        self.entered: list[tuple[list[str], list[str]]] = []
        self.loaded: list[str] = []
        self.errors: list[Exception] = []
        self.changed = asyncio.Event()
        self.gate = threading.Event()
        self.ledger.entered = self._entered
        self.ledger.loaded = self._loaded
        self.ledger.fail = self._fail

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
        self.ledger._thread.submit(self.gate.wait)


def names(entries: Sequence[Candidate] | Sequence[Entry]) -> list[str]:
    return [each.url.rpartition("/")[2] for each in entries]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def harness(path: Path) -> Iterator[Harness]:
    harness = Harness(path)
    yield harness
    harness.gate.set()
    harness.ledger.close()


async def test_entries_that_waited_are_entered_together(harness: Harness) -> None:
    ledger = harness.ledger
    harness.hold_thread()
    for name in ("x", "y", "x", "z"):
        ledger.enter([new(ledger, name)], lines=1)
    assert ledger.is_entering
    assert ledger.is_busy
    harness.gate.set()
    await harness.until(lambda: len(harness.entered) == 2)
    assert harness.entered == [(["x"], []), (["y", "z"], ["x"])]
    assert not ledger.is_busy
    assert (harness.store.counts.taken, harness.store.counts.input) == (4, 3)


async def test_lines_without_an_entry_are_counted_as_taken(harness: Harness) -> None:
    harness.ledger.enter([], lines=5)
    await harness.until(lambda: harness.entered)
    assert harness.entered == [([], [])]
    assert harness.store.counts.taken == 5


@pytest.mark.promise("P35")
async def test_a_commit_enters_waiting_entries_first(harness: Harness, path: Path) -> None:
    ledger = harness.ledger
    ledger.enter([new(ledger, "page")], lines=1)
    await harness.until(lambda: harness.entered)
    harness.hold_thread()
    ledger.enter([new(ledger, "other", depth=1)])
    ledger.enter([new(ledger, "link", depth=1)])
    ledger.finish(Final(1, State.DONE, digest=1))
    ledger.count(filtered=2, bytes=30)
    committing = asyncio.ensure_future(ledger.commit(ledger.closing(), [40]))
    await asyncio.sleep(0)
    harness.gate.set()
    await committing
    with closing(Store.open(path)) as committed:
        counts = committed.counts
        assert (counts.done, counts.discovered, counts.pending) == (1, 2, 2)
        assert (counts.filtered, counts.bytes, committed.offsets) == (2, 30, [40])


async def test_final_states_are_committed_once(harness: Harness) -> None:
    ledger = harness.ledger
    ledger.enter([new(ledger, "x"), new(ledger, "y")], lines=2)
    await harness.until(lambda: harness.entered)
    ledger.finish(Final(1, State.DONE, digest=1))
    first = ledger.closing()
    ledger.finish(Final(2, State.FAILED, "dns"))
    ledger.remember = lambda: {"engine": "curl"}
    await ledger.commit(first, [])
    assert (harness.store.counts.done, harness.store.counts.failed) == (1, 0)
    assert "engine" not in harness.store.facts
    await ledger.commit(ledger.closing(), [])
    assert (harness.store.counts.done, harness.store.counts.failed) == (1, 1)
    assert harness.store.facts["engine"] == "curl"
    assert not ledger.closing().finals


async def test_origins_are_committed_with_their_entries(harness: Harness, path: Path) -> None:
    ledger = harness.ledger
    ledger.remember_origin("http://a")
    ledger.enter([new(ledger, "x")], lines=1)
    await ledger.commit(ledger.closing(), [])
    with closing(Store.open(path)) as committed:
        assert list(committed.named()) == ["http://a"]


async def test_loading_from_disk_makes_the_ledger_busy(harness: Harness) -> None:
    ledger = harness.ledger
    ledger.enter([new(ledger, name, spilled=1) for name in "xyz"], lines=3)
    await harness.until(lambda: harness.entered)
    ledger.load(["a"], 2)
    assert ledger.is_busy
    assert not ledger.is_entering
    await harness.until(lambda: harness.loaded)
    assert harness.loaded == ["x", "y"]
    assert not ledger.is_busy


async def test_only_announced_entries_are_loaded(harness: Harness) -> None:
    """Who asks has places for what it knows to be on disk, and for no more."""
    ledger = harness.ledger
    ledger.enter([new(ledger, "x", spilled=1)], lines=1)
    await harness.until(lambda: harness.entered)
    ledger.enter([new(ledger, "y", spilled=1)], lines=1)
    ledger.load(["a"], 9)
    await harness.until(lambda: harness.loaded)
    assert harness.loaded == ["x"]
    ledger.load(["a"], 9)
    await harness.until(lambda: len(harness.loaded) == 2)
    assert harness.loaded == ["x", "y"]


async def test_entries_of_an_earlier_session_are_loaded(path: Path) -> None:
    store = Store.create(path)
    store.add([Candidate(1, 1, "http://a/x", "a", 0, None, 1)])
    store.commit([])
    store.close()
    harness = Harness.__new__(Harness)
    harness.ledger = StoreThread(Store.open(path))
    harness.loaded, harness.changed = [], asyncio.Event()
    harness.ledger.loaded = harness._loaded
    harness.ledger.load(["a"], 9)
    await harness.until(lambda: harness.loaded)
    assert harness.loaded == ["x"]
    assert harness.ledger.new_id() == 2
    harness.ledger.close()


@pytest.mark.promise("P37")
async def test_state_errors_are_passed_on(harness: Harness) -> None:
    ledger = harness.ledger
    harness.store.close()
    ledger.enter([new(ledger, "x")], lines=1)
    await harness.until(lambda: harness.errors)
    ledger.load(["a"], 2)
    await harness.until(lambda: len(harness.errors) == 2)
    assert all(isinstance(error, StateError) for error in harness.errors)
    with pytest.raises(StateError, match=r"state\.db"):
        await ledger.commit(ledger.closing(), [])


async def test_closing_drops_uncommitted_entries(path: Path) -> None:
    harness = Harness(path)
    ledger = harness.ledger
    ledger.enter([new(ledger, "x")], lines=1)
    await harness.until(lambda: harness.entered)
    ledger.close()
    with closing(Store.open(path)) as committed:
        assert committed.counts.input == 0


@pytest.mark.promise("P23")
async def test_memory_of_recent_keys_is_bounded(harness: Harness) -> None:
    knows = harness.ledger.knows
    assert not knows(1)
    assert knows(1)
    for key in range(2, RECENT + 2):
        assert not knows(key)
    assert len(harness.ledger._recent) <= RECENT
    assert not knows(1), "forgotten, and so asked of the disk again"
