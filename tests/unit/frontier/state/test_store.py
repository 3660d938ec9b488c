"""The state file: what is committed is there again, and what is no state of ours is refused."""

import os
import pickle
import random
import resource
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.states import NOT_A_URL, committed, in_file, new

import crawler
from crawler.frontier.entry import Candidate, Entry, Final, State
from crawler.frontier.learned import HostRecord, Learned
from crawler.frontier.state.status import read_counts
from crawler.frontier.state.store import Store
from crawler.model.errors import StateError


@pytest.mark.promise("P35")
def test_a_committed_state_can_be_read_back(path: Path) -> None:
    store = Store.create(path)
    assert store.add([new(1), new(2), new(3)], lines=3, named=["http://a.example"]) == {1, 2, 3}
    store.finish([Final(2, State.DONE, digest=7)])
    store.commit({"pages": 10, "failures": 0}, {"sources": "a list"})
    store.close()
    again = Store.open(path)
    assert again.last_id == 3
    assert again.offsets == {"pages": 10, "failures": 0}
    assert again.facts == {"sources": "a list"}
    assert list(again.named()) == ["http://a.example"]
    assert (again.counts.taken, again.counts.input, again.counts.done) == (3, 3, 1)
    assert again.pending() == {"a.example": 2}
    assert [entry.id for entry in again.take(["a.example"], 9, 9)] == [1, 3]
    again.close()


@pytest.mark.promise("P74")
def test_what_is_known_about_hosts_is_replaced(path: Path) -> None:
    store = Store.create(path)
    store.learn(Learned([HostRecord("a.example", 7.5, 1.0, 0.0, False)]))
    store.learn(Learned([]))
    store.learn(
        Learned([HostRecord("a.example", 0.0, 1.0, 2.0, True), HostRecord("b", 9.5, 0, 0, False)])
    )
    store.learn(Learned([HostRecord("a.example", 0.0, 1.0, 2.0, False)]))
    store.commit({})
    store.close()
    with closing(Store.open(path)) as again:
        assert again.learned(0.0).hosts == [
            HostRecord("b", 9.5, 0.0, 0.0, False),
            HostRecord("a.example", 0.0, 1.0, 2.0, True),
        ]


@pytest.mark.promise("P35")
def test_uncommitted_changes_are_lost(path: Path) -> None:
    committed(path, new(1), offsets={"pages": 5})
    store = Store.open(path)
    store.add([new(2)], lines=1, named=["http://a.example"])
    store.finish([Final(1, State.FAILED, "dns")])
    store.close()
    again = Store.open(path)
    assert (again.last_id, again.counts.input, again.counts.taken) == (1, 1, 1)
    assert (again.counts.failed, again.pending(), list(again.named())) == (0, {"a.example": 1}, [])
    assert again.offsets == {"pages": 5}
    again.close()


def test_an_entry_is_read_back_unchanged(path: Path) -> None:
    link = new(2, "http://b.example/ü?%0a='\"", depth=3, seed="http://a.example/seed")
    row = new(3, row='{"line":2,"name":"a\\u0000b \\ud83d\\ude00"}')
    wrong = Candidate(4, -5, "no url", "", 0, None, 1, None, NOT_A_URL)
    store = Store.create(path)
    store.add([new(1), link, row, wrong], 3)
    found = store.take(["", "a.example", "b.example"], 9, 9)
    store.close()
    assert sorted(found, key=lambda entry: entry.id) == [
        Entry(1, "http://a.example/1", "a.example", 0, "http://a.example/1"),
        Entry(2, "http://b.example/ü?%0a='\"", "b.example", 3, "http://a.example/seed"),
        Entry(3, "http://a.example/3", "a.example", 0, "http://a.example/3", row.row),
        Entry(4, "no url", "", 0, "no url", None, NOT_A_URL),
    ]


def test_why_a_line_is_wrong_survives_a_resume(path: Path) -> None:
    committed(path, Candidate(1, -5, "no url", "", 0, None, 0, None, NOT_A_URL))
    store = Store.open(path)
    assert store.pending() == {"": 1}
    assert [entry.wrong for entry in store.take([""], 9, 9)] == [NOT_A_URL]
    store.close()


def test_a_known_url_is_entered_once(path: Path) -> None:
    store = Store.create(path)
    first, spelled_otherwise = "http://a.example/~x", "http://a.example/%7ex"
    assert store.add([new(1, first), new(2, spelled_otherwise), new(3)], lines=3) == {1, 3}
    assert store.add([new(4, first), new(5, first, depth=1), new(6, depth=1)], lines=1) == {6}
    store.commit({})
    counts = store.counts
    assert (counts.taken, counts.input, counts.duplicates, counts.discovered) == (4, 2, 2, 1)
    assert counts.pending == 3
    store.close()
    again = Store.open(path)
    assert again.add([new(7, first)], lines=1) == set()
    again.close()


@pytest.mark.parametrize("identity", [2**63 - 1, -(2**63), 2**53 + 1, -(2**53) - 1, 0])
def test_keys_and_digests_have_64_bits(path: Path, identity: int) -> None:
    store = Store.create(path)
    near = identity - 1 if identity > 0 else identity + 1
    news = [
        Candidate(number, each, "u", "", 0, None, 0) for number, each in enumerate((identity, near))
    ]
    assert store.add(news) == {0, 1}
    store.finish([Final(0, State.DONE, digest=identity), Final(1, State.DONE, digest=near)])
    store.commit({})
    assert store.duplicate_pages() == 0
    store.close()
    assert in_file(path, "SELECT key, digest FROM entries ORDER BY id") == [
        (identity, identity),
        (near, near),
    ]


def test_entries_of_a_host_come_once_in_order(path: Path) -> None:
    store = Store.create(path)
    hosts = {"a.example": [1, 3, 5], "b.example": [2, 4], "c.example": [6]}
    news = [new(n, f"http://{host}/{n}") for host, numbers in hosts.items() for n in numbers]
    store.add(sorted(news, key=lambda each: each.id))
    wanted = ["a.example", "b.example", "nobody.example"]
    assert sorted(entry.id for entry in store.take(wanted, 2, 9)) == [1, 2, 3, 4]
    assert [entry.id for entry in store.take(wanted, 2, 9)] == [5]
    assert store.take(wanted, 2, 9) == []
    store.close()


def test_entries_past_the_given_id_stay_on_disk(path: Path) -> None:
    store = Store.create(path)
    store.add([new(1), new(2), new(3)])
    assert [entry.id for entry in store.take(["a.example"], 9, 2)] == [1, 2]
    assert [entry.id for entry in store.take(["a.example"], 9, 3)] == [3]
    store.close()


@pytest.mark.promise("P35")
def test_a_resume_reads_every_pending_entry(
    path: Path,
) -> None:
    store = Store.create(path)
    store.add([new(1, spilled=0), new(2), new(3), new(4, spilled=0)])
    store.take(["a.example"], 1, 9)
    store.finish([Final(3, State.SKIPPED, "robots"), Final(4, State.DONE, digest=1)])
    store.commit({})
    store.close()
    again = Store.open(path)
    assert [entry.id for entry in again.take(["a.example"], 9, 9)] == [1, 2]
    again.close()


def test_the_counts_match_the_entries(path: Path) -> None:
    rng = random.Random(3)
    store = Store.create(path)
    for start in range(1, 400, 40):
        urls = [f"http://h{rng.randrange(5)}.example/{rng.randrange(300)}" for _ in range(40)]
        news = [new(start + n, url, rng.choice((0, 0, 1))) for n, url in enumerate(urls)]
        added = store.add(news, lines=sum(not each.depth for each in news))
        whys = {State.DONE: [None], State.FAILED: ["dns", "url"], State.SKIPPED: ["robots"]}
        states = {each: rng.choice(list(whys)) for each in rng.sample(sorted(added), 10)}
        store.finish([Final(n, state, rng.choice(whys[state])) for n, state in states.items()])
        store.commit({"pages": start})
    counts = store.counts
    store.close()
    states = dict(in_file(path, "SELECT state, count(*) FROM entries GROUP BY state"))
    assert states == {
        State.PENDING: counts.pending,
        State.DONE: counts.done,
        State.FAILED: counts.failed,
        State.SKIPPED: counts.skipped,
    }
    why = "SELECT why, count(*) FROM entries WHERE state = {:d} GROUP BY why"
    assert dict(in_file(path, why.format(State.FAILED))) == counts.errors
    assert dict(in_file(path, why.format(State.SKIPPED))) == counts.skips
    depths = "SELECT min(depth, 1), count(*) FROM entries GROUP BY 1"
    assert dict(in_file(path, depths)) == {0: counts.input, 1: counts.discovered}
    assert counts.taken == counts.input + counts.duplicates
    assert read_counts(path) == (counts, {"offsets": '{"pages":361}'})


def test_pages_with_the_content_of_another_are_counted(path: Path) -> None:
    store = Store.create(path)
    store.add([new(n) for n in range(1, 7)])
    digests: Counter[int] = Counter()
    for number, digest in enumerate([5, 5, 5, 6, 7, 7], start=1):
        store.finish([Final(number, State.DONE, digest=digest)])
        digests[digest] += 1
    assert store.duplicate_pages() == digests.total() - len(digests) == 3
    store.close()


def test_another_process_reads_the_last_commit(path: Path) -> None:
    store = Store.create(path)
    store.add([new(1)], lines=1)
    store.commit({"pages": 4}, {"engine": "curl"})
    store.add([new(2)], lines=1)
    counts, facts = read_counts(path)
    assert (counts.input, facts["engine"]) == (1, "curl")
    store.close()


@pytest.mark.promise("P37")
def test_nothing_is_committed_after_an_error(
    path: Path,
) -> None:
    """SQLite may roll back by itself; what came then would be committed, without its accounts."""
    committed(path, new(1))
    store = Store.open(path)
    store.add([new(2)], lines=1)
    limit = in_file(path, "PRAGMA page_count")[0][0]
    store._connection.execute(f"PRAGMA max_page_count = {limit}")
    with pytest.raises(StateError, match=r"state\.db: .*full"):
        store.add([new(n, f"http://a.example/{n}/{'x' * 5000}") for n in range(3, 99)], lines=96)
    for more in (
        lambda: store.add([new(200)], lines=1),
        lambda: store.finish([Final(1, State.DONE, digest=1)]),
        lambda: store.take(["a.example"], 9, 999),
        lambda: store.commit({"pages": 5}),
    ):
        with pytest.raises(StateError):
            more()
    store.close()
    assert in_file(path, "SELECT id, state FROM entries") == [(1, 0)]
    assert read_counts(path)[0].input == 1


def test_only_the_owner_may_read_the_files(path: Path) -> None:
    store = Store.create(path)
    store.add([new(1)])
    store.commit({})
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    store.close()


@pytest.mark.promise("P39")
def test_an_existing_file_is_not_overwritten(path: Path) -> None:
    path.write_bytes(b"mine")
    with pytest.raises(StateError, match=r"state\.db: .*File exists"):
        Store.create(path)
    assert path.read_bytes() == b"mine"


def open_files(path: Path) -> list[str]:
    """What this process has open of the state file and of the files that SQLite keeps with it."""
    found = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    return [name for name in found if name.startswith(str(path))]


@pytest.mark.promise("P37")
def test_a_state_that_cannot_be_created_is_closed(path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        # ``caught`` keeps the frames of the call alive, and with them a connection left open.
        with pytest.raises(StateError, match=r"state\.db: disk I/O error") as caught:
            Store.create(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not open_files(path), caught


def test_a_missing_state_is_reported(path: Path) -> None:
    for read in (Store.open, read_counts):
        with pytest.raises(StateError, match="no such file, so there is no run to resume"):
            read(path)
    assert not path.exists()


def many(path: Path) -> None:
    """A state file of some hundred pages (of the file)."""
    committed(path, *[new(n, f"http://a.example/{n}/{'x' * 300}") for n in range(1, 1500)])


def cut(share: float) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        many(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return spoil


def overwrite(at: float) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        many(path)
        data = bytearray(path.read_bytes())
        start = int(len(data) * at)
        data[start : start + 8192] = random.Random(1).randbytes(8192)
        path.write_bytes(data)

    return spoil


def pragma(statement: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        many(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)

    return spoil


def other_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE facts (name, value);")


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is not the state file"),
    "random": (lambda path: path.write_bytes(random.Random(2).randbytes(50_000)), "not a database"),
    "text": (lambda path: path.write_text("http://a.example/\n" * 90), "not a database"),
    "pickle": (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "not a database"),
    "another SQLite file": (other_sqlite, "is not the state file"),
    "another application": (pragma("PRAGMA application_id = 77"), "is not the state file"),
    "another version": (pragma("PRAGMA user_version = 9"), r"version of crawler .*\(format 9"),
    "no table": (pragma("DROP TABLE facts"), "no such table"),
    "cut early": (cut(0.001), "malformed"),
    "cut to some pages": (cut(0.02), "malformed"),
    "cut in the middle": (cut(0.5), "malformed"),
    "cut at the end": (cut(0.999), "malformed|damaged"),
    "overwritten early": (overwrite(0.05), "malformed|damaged"),
    "overwritten in the middle": (overwrite(0.5), "malformed|damaged"),
}  # fmt: skip


@pytest.mark.promise("P39")
@pytest.mark.parametrize("name", SPOILED)
def test_a_damaged_state_is_refused_and_unchanged(path: Path, name: str) -> None:
    spoil, says = SPOILED[name]
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StateError, match=says) as caught:
        Store.open(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert not open_files(path)
    assert path.read_bytes() == before


@pytest.mark.promise("P39")
def test_no_pickle_is_read_from_disk() -> None:
    """Between parse processes it may travel; what reads files does not know it."""
    package = Path(crawler.__file__).parent
    users = [path for path in package.rglob("*.py") if "import pickle" in path.read_text()]
    assert {path.parent.name for path in users} <= {"executors"}
    assert not [path for path in users if "open(" in path.read_text()]


# Cookies


@pytest.mark.promise("P64")
def test_a_commit_writes_the_cookies_that_changed(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    with closing(Store.create(path)) as store:
        store.keep_cookies([(f"{number}", f'"{"x" * 4_000}"') for number in range(500)])
        store.commit({}, {"input": "open"})
        store._connection.execute("COMMIT")
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store._connection.execute("BEGIN")
        for number in range(10):
            store.keep_cookies([(f"{number}", '"y"')])
            store.commit({}, {"input": "open"})
        assert log.stat().st_size < 500_000


@pytest.mark.promise("P64")
def test_cookies_keep_their_order(path: Path) -> None:
    with closing(Store.create(path)) as store:
        store.keep_cookies([("a", "1"), ("b", "2"), ("c", "3")])
        store.keep_cookies([("a", "4"), ("b", None), ("b", "5")])
        store.commit({})
        store.keep_cookies([("d", "6")])
    with closing(Store.open(path)) as store:
        assert store.cookies() == ["4", "3", "5"]
