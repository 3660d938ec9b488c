"""The shards of a run, read from outside."""

import multiprocessing
import sqlite3
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from support.shards import crawled, make_run, make_shard, note_input
from support.states import new

from crawler.frontier.entry import Final, State
from crawler.frontier.state.status import read_counts
from crawler.frontier.state.store import Store
from crawler.metrics.report import Urls
from crawler.model.errors import StateError
from crawler.runs.layout import SHARDS, STATE
from crawler.runs.shards import ShardFacts, on_the_way, read_input, read_shards


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def test_a_shard_is_read_with_its_facts(run: Path) -> None:
    directory = make_shard(
        run,
        3,
        [new(1), new(2)],
        [Final(1, State.FAILED, "dns")],
        {"sent": {1: 5}, "received": {-1: 2, 0: 7}, "sessions": 4, "input": "open"},
        {"failures.jsonl": 120},
    )
    (found,) = read_shards(run)
    assert (found.number, found.directory, found.running) == (3, directory, False)
    assert found.urls == Urls(input=2, failed=1, pending=1)
    assert (found.errors, found.bytes) == ({"dns": 1}, 100)
    assert found.facts == ShardFacts(False, 4, 4, {1: 5}, {-1: 2, 0: 7}, {"failures.jsonl": 120})
    assert found.committed == (directory / STATE).stat().st_mtime
    assert found.has_work


def test_shards_are_in_the_order_of_their_numbers(run: Path) -> None:
    for number in (10_001, 2, 9_999):
        make_shard(run, number)
    make_shard(run, 7).rename(run / SHARDS / ".0007.beginning")
    assert [each.number for each in read_shards(run)] == [2, 9_999, 10_001]


@pytest.mark.parametrize("pending", [False, True])
def test_a_shard_has_work_until_its_input_is_read(run: Path, pending: bool) -> None:
    finals = [] if pending else [Final(1, State.DONE)]
    make_shard(run, 0, [new(1)], finals)
    make_shard(run, 1, facts={"input": "open"})
    first, second = read_shards(run)
    assert (first.has_work, second.has_work) == (pending, True)


def test_reading_a_quiet_shard_leaves_nothing_beside_it(run: Path) -> None:
    directory = make_shard(run, 0)
    before = sorted(directory.iterdir())
    read_shards(run)
    assert sorted(directory.iterdir()) == before


def test_the_commits_of_a_killed_session_are_read_from_its_log(run: Path) -> None:
    directory = make_shard(run, 0)
    store = Store.open(directory / STATE)
    store.add([new(1)], 1)
    store.commit({})
    assert (directory / f"{STATE}-wal").stat().st_size
    (found,) = read_shards(run)
    assert found.urls.pending == 1
    store.close()


def keep(path: str, is_open: Event, may_end: Event) -> None:
    """Keep a state file as a session on a network file system does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('turn', '1')")
        is_open.set()
        may_end.wait(30)


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_state_that_is_kept_by_its_session_is_not_waited_for(run: Path, is_locked: bool) -> None:
    directory = make_shard(run, 0, [new(1)])
    fork = multiprocessing.get_context("forkserver")
    is_open, may_end = fork.Event(), fork.Event()
    session = fork.Process(target=keep, args=(str(directory / STATE), is_open, may_end))
    session.start()
    try:
        assert is_open.wait(30)
        with pytest.raises(StateError, match="locked"):
            read_counts(directory / STATE, wait=0)
        if is_locked:
            with crawled(directory):
                (found,) = read_shards(run)
            assert (found.running, found.urls, found.has_work) == (True, Urls(), True)
        else:
            with pytest.raises(StateError, match=r"0000/state\.db: database is locked"):
                read_shards(run)
    finally:
        may_end.set()
        session.join(30)


@pytest.mark.parametrize("facts", [{"sent": "{"}, {"received": "[]"}, {"sessions": "many"}])
def test_damaged_facts_are_named(run: Path, facts: dict[str, str]) -> None:
    make_shard(run, 0, facts=facts)
    with pytest.raises(StateError, match=r"0000/state\.db: "):
        read_shards(run)


# records on their way


def test_records_are_on_the_way_until_they_are_received(run: Path) -> None:
    make_shard(run, 0, facts={"sent": {"1": 5, "2": 1}, "received": {"-1": 3}})
    make_shard(run, 1, facts={"sent": {"0": 2}, "received": {"0": 4}})
    assert on_the_way(read_shards(run), {0: 3, 1: 2, 3: 9}) == {0: 2, 1: 1 + 2, 2: 1, 3: 9}


def test_nothing_is_on_the_way_after_all_was_received(run: Path) -> None:
    make_shard(run, 0, facts={"sent": {"1": 5}, "received": {"-1": 3, "1": 2}})
    make_shard(run, 1, facts={"sent": {"0": 2}, "received": {"0": 5}})
    assert on_the_way(read_shards(run), {0: 3}) == {}


def test_the_state_of_the_run_says_what_the_input_sent(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", {3: 12}, is_read=False)
    assert read_input(run) == ShardFacts(sent={3: 12})
    note_input(run, {3: 13})
    assert read_input(run) == ShardFacts(is_read=True, sent={3: 13})
    (run / STATE).write_bytes(b"")
    with pytest.raises(StateError, match=r"run/state\.db"):
        read_input(run)
    with crawled(run):
        assert read_input(run) == ShardFacts()
