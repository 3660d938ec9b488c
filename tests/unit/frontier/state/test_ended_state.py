"""The state of a session that ended in order: opened fast, checked where it is read."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.states import assert_counted, new

from crawler.frontier.entry import Final, State
from crawler.frontier.state import store as store_module
from crawler.frontier.state import tallies
from crawler.frontier.state.status import busiest
from crawler.frontier.state.store import Store
from crawler.model.errors import StateError

ENDED = 1_000.5


def ended(path: Path, count: int, *, url: str = "http://a.example/{}") -> None:
    """A state with ``count`` entries, of which every third one is done."""
    store = Store.create(path)
    store.add([new(n, url.format(n), spilled=n % 2) for n in range(1, count + 1)], count)
    store.finish([Final(n, State.DONE, digest=n) for n in range(1, count + 1, 3)])
    store.end({"pages": 7}, now=ENDED)
    store.close()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One element for each ten instructions of SQLite, except those of its B-trees."""
    found: list[int] = []
    connect = store_module.connect

    def counted(path: Path, **options: bool) -> sqlite3.Connection:
        connection = connect(path, **options)
        connection.set_progress_handler(lambda: found.append(0), 10)
        return connection

    monkeypatch.setattr(store_module, "connect", counted)
    return found


def read_all(store: Store) -> None:
    """What a session reads when it begins."""
    for read in (store.pending, store.depths, store.fetched, store.cookies, store.named):
        read()
    store.learned(0.0)


@pytest.mark.parametrize("in_order", [True, False])
def test_the_number_of_entries_costs_no_time_after_an_end_in_order(
    tmp_path: Path, steps: list[int], in_order: bool
) -> None:
    costs = []
    for count in (100, 10_000):
        path = tmp_path / f"{count}.db"
        ended(path, count)
        if not in_order:
            with closing(Store.open(path)) as store:
                store.commit({})
        steps.clear()
        with closing(Store.open(path)) as store:
            read_all(store)
            assert store.pending() == {"a.example": count - (count + 2) // 3}
        costs.append(len(steps))
    assert (costs[0] == costs[1]) is in_order


def test_the_first_commit_of_a_session_says_that_it_has_not_ended(path: Path) -> None:
    ended(path, 9)
    with closing(Store.open(path)) as store:
        assert store.ended == ENDED
        store.add([new(10)])
    with closing(Store.open(path)) as store:
        assert store.ended == ENDED, "nothing was committed"
        store.commit({})
    with closing(Store.open(path)) as store:
        assert store.ended is None
        store.end({}, now=ENDED + 1)
        store.commit({})
    with closing(Store.open(path)) as store:
        assert store.ended is None


def test_entries_in_memory_wait_on_disk_after_the_end(path: Path) -> None:
    store = Store.create(path)
    store.add([new(1, spilled=0), new(2), new(3), new(4, spilled=0)])
    assert [entry.id for entry in store.take(["a.example"], 1, 9)] == [2]
    store.finish([Final(4, State.SKIPPED, "robots")])
    store.end({}, now=ENDED)
    store.close()
    with closing(Store.open(path)) as again:
        assert_counted(again)
        assert [entry.id for entry in again.take(["a.example"], 9, 9)] == [1, 2, 3]


def test_the_counts_of_many_hosts_do_not_stay_in_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "MANY", 3)
    store = Store.create(path)
    for number in range(1, 40):
        store.add([new(number, f"http://h{number % 13}.example/{number}", number % 3, spilled=0)])
        store.finish([Final(number - 7, State.FAILED, "dns")] if number > 7 else [])
        store.commit({})
        assert len(store._tallies._changed) <= 3 + 8
    store.end({}, now=ENDED)
    store.close()
    with closing(Store.open(path)) as again:
        assert_counted(again)


def test_a_state_that_is_never_closed_in_order_is_counted_again(path: Path) -> None:
    ended(path, 9)
    with closing(Store.open(path)) as store:
        store.finish([Final(2, State.FAILED, "dns"), Final(3, State.DONE, digest=3)])
        store.commit({})
    with closing(Store.open(path)) as store:
        assert_counted(store)


def test_entries_that_are_put_back_are_counted(path: Path) -> None:
    ended(path, 9)
    with closing(Store.open(path)) as store:
        store.finish([Final(2, State.FAILED, "dns"), Final(3, State.SKIPPED, "robots")])
        store.end({}, now=ENDED)
    with closing(Store.open(path)) as store:
        assert store.put_back(["dns", "robots"], {}) == 2
        store.commit({})
        store.end({}, now=ENDED)
    with closing(Store.open(path)) as store:
        assert_counted(store)
        assert store.pending() == {"a.example": 6}


@pytest.mark.parametrize("in_order", [True, False])
def test_the_busiest_hosts_are_those_of_the_last_commit(path: Path, in_order: bool) -> None:
    ended(path, 9)
    with closing(Store.open(path)) as store:
        store.add([new(10 + n, f"http://b.example/{n}", depth=n) for n in range(8)])
        if in_order:
            store.end({}, now=ENDED)
        else:
            store.commit({})
    assert busiest(path, 2) == {"b.example": 8, "a.example": 6}


# Damage after an end in order


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


def overwritten(share: float) -> Callable[[bytes], bytes]:
    def spoil(data: bytes) -> bytes:
        start = int(len(data) * share)
        return data[:start] + random.Random(1).randbytes(8192) + data[start + 8192 :]

    return spoil


@pytest.mark.promise("P39")
@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 0.999])
def test_a_cut_file_is_refused_at_once(path: Path, share: float) -> None:
    ended(path, 1500, url="http://a.example/{}/" + "x" * 300)
    path.write_bytes(spoiled := cut(share)(path.read_bytes()))
    with pytest.raises(StateError, match=r"malformed|damaged"):
        Store.open(path)
    assert path.read_bytes() == spoiled


@pytest.mark.promise("P39")
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_other_damage_is_found_where_it_is_read(path: Path, share: float) -> None:
    ended(path, 1500, url="http://a.example/{}/" + "x" * 300)
    path.write_bytes(spoiled := overwritten(share)(path.read_bytes()))
    with pytest.raises(StateError, match=r"malformed|damaged"), closing(Store.open(path)) as store:
        read_all(store)
        store.take(["a.example"], 1500, 1500)
        store.add([new(1500 + n, f"http://a.example/{n}/" + "x" * 300) for n in range(1, 1501)])
        store.finish([Final(n, State.DONE, digest=n) for n in range(1, 1501)])
    assert path.read_bytes() == spoiled
