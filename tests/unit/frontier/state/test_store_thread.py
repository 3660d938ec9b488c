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


class Desk:
    """A ledger and what it told; ``gate`` holds its thread up until it is set."""

    def __init__(self, path: Path) -> None:
        self.store = Store.create(path)
        self.ledger = StoreThread(self.store)
        self.told: list[tuple[list[str], list[str]]] = []
        self.loaded: list[str] = []
        self.errors: list[Exception] = []
        self.changed = asyncio.Event()
        self.gate = threading.Event()
        self.ledger.entered = self._entered
        self.ledger.loaded = self._loaded
        self.ledger.fail = self._fail

    def _entered(self, fresh: Sequence[Candidate], known: Sequence[Candidate]) -> None:
        self.told.append((names(fresh), names(known)))
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
def desk(path: Path) -> Iterator[Desk]:
    desk = Desk(path)
    yield desk
    desk.gate.set()
    desk.ledger.close()


async def test_what_comes_in_while_the_thread_is_busy_is_entered_together(desk: Desk) -> None:
    ledger = desk.ledger
    desk.hold_thread()
    for name in ("x", "y", "x", "z"):
        ledger.enter([new(ledger, name)], lines=1)
    assert ledger.is_entering
    assert ledger.is_busy
    desk.gate.set()
    await desk.until(lambda: len(desk.told) == 2)
    assert desk.told == [(["x"], []), (["y", "z"], ["x"])]
    assert not ledger.is_busy
    assert (desk.store.counts.taken, desk.store.counts.input) == (4, 3)


async def test_lines_without_an_entry_are_counted_as_taken(desk: Desk) -> None:
    desk.ledger.enter([], lines=5)
    await desk.until(lambda: desk.told)
    assert desk.told == [([], [])]
    assert desk.store.counts.taken == 5


async def test_what_waits_is_entered_before_the_final_states_of_a_commit(
    desk: Desk, path: Path
) -> None:
    ledger = desk.ledger
    ledger.enter([new(ledger, "page")], lines=1)
    await desk.until(lambda: desk.told)
    desk.hold_thread()
    ledger.enter([new(ledger, "other", depth=1)])
    ledger.enter([new(ledger, "link", depth=1)])
    ledger.finish(Final(1, State.DONE, digest=1))
    ledger.count(filtered=2, bytes=30)
    committing = asyncio.ensure_future(ledger.commit(ledger.closing(), [40]))
    await asyncio.sleep(0)
    desk.gate.set()
    await committing
    with closing(Store.open(path)) as committed:
        counts = committed.counts
        assert (counts.done, counts.discovered, counts.pending) == (1, 2, 2)
        assert (counts.filtered, counts.bytes, committed.offsets) == (2, 30, [40])


async def test_final_states_are_committed_once_and_late_ones_the_next_time(desk: Desk) -> None:
    ledger = desk.ledger
    ledger.enter([new(ledger, "x"), new(ledger, "y")], lines=2)
    await desk.until(lambda: desk.told)
    ledger.finish(Final(1, State.DONE, digest=1))
    first = ledger.closing()
    ledger.finish(Final(2, State.FAILED, "dns"))
    ledger.remember = lambda: {"engine": "curl"}
    await ledger.commit(first, [])
    assert (desk.store.counts.done, desk.store.counts.failed) == (1, 0)
    assert "engine" not in desk.store.facts
    await ledger.commit(ledger.closing(), [])
    assert (desk.store.counts.done, desk.store.counts.failed) == (1, 1)
    assert desk.store.facts["engine"] == "curl"
    assert not ledger.closing().finals


async def test_origins_are_named_no_later_than_what_names_them(desk: Desk, path: Path) -> None:
    ledger = desk.ledger
    ledger.remember_origin("http://a")
    ledger.enter([new(ledger, "x")], lines=1)
    await ledger.commit(ledger.closing(), [])
    with closing(Store.open(path)) as committed:
        assert list(committed.named()) == ["http://a"]


async def test_what_waits_on_disk_is_brought_and_makes_the_ledger_busy(desk: Desk) -> None:
    ledger = desk.ledger
    ledger.enter([new(ledger, name, spilled=1) for name in "xyz"], lines=3)
    await desk.until(lambda: desk.told)
    ledger.load(["a"], 2)
    assert ledger.is_busy
    assert not ledger.is_entering
    await desk.until(lambda: desk.loaded)
    assert desk.loaded == ["x", "y"]
    assert not ledger.is_busy


async def test_nothing_is_brought_that_nobody_was_told_of(desk: Desk) -> None:
    """Who asks has places for what it knows to be on disk, and for no more."""
    ledger = desk.ledger
    ledger.enter([new(ledger, "x", spilled=1)], lines=1)
    await desk.until(lambda: desk.told)
    ledger.enter([new(ledger, "y", spilled=1)], lines=1)
    ledger.load(["a"], 9)
    await desk.until(lambda: desk.loaded)
    assert desk.loaded == ["x"]
    ledger.load(["a"], 9)
    await desk.until(lambda: len(desk.loaded) == 2)
    assert desk.loaded == ["x", "y"]


async def test_what_an_earlier_session_left_on_disk_can_be_brought_at_once(path: Path) -> None:
    store = Store.create(path)
    store.add([Candidate(1, 1, "http://a/x", "a", 0, None, 1)])
    store.commit([])
    store.close()
    desk = Desk.__new__(Desk)
    desk.ledger = StoreThread(Store.open(path))
    desk.loaded, desk.changed = [], asyncio.Event()
    desk.ledger.loaded = desk._loaded
    desk.ledger.load(["a"], 9)
    await desk.until(lambda: desk.loaded)
    assert desk.loaded == ["x"]
    assert desk.ledger.new_id() == 2
    desk.ledger.close()


async def test_errors_reach_whoever_can_end_the_crawl(desk: Desk) -> None:
    ledger = desk.ledger
    desk.store.close()
    ledger.enter([new(ledger, "x")], lines=1)
    await desk.until(lambda: desk.errors)
    ledger.load(["a"], 2)
    await desk.until(lambda: len(desk.errors) == 2)
    assert all(isinstance(error, StateError) for error in desk.errors)
    with pytest.raises(StateError, match=r"state\.db"):
        await ledger.commit(ledger.closing(), [])


async def test_what_is_not_committed_is_dropped_on_closing(path: Path) -> None:
    desk = Desk(path)
    ledger = desk.ledger
    ledger.enter([new(ledger, "x")], lines=1)
    await desk.until(lambda: desk.told)
    ledger.close()
    with closing(Store.open(path)) as committed:
        assert committed.counts.input == 0


async def test_keys_that_were_met_lately_are_known_and_their_memory_is_bounded(desk: Desk) -> None:
    knows = desk.ledger.knows
    assert not knows(1)
    assert knows(1)
    for key in range(2, RECENT + 2):
        assert not knows(key)
    assert len(desk.ledger._recent) <= RECENT
    assert not knows(1), "forgotten, and so asked of the disk again"
