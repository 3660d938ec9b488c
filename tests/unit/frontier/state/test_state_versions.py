"""A state file of version 1 is read, and becomes one of this version with the first commit."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.states import NOT_A_URL, TRAP, assert_counted, committed, in_file, new

from crawler.frontier.entry import Candidate, Final, State
from crawler.frontier.state.schema import VERSION
from crawler.frontier.state.store import Store
from crawler.model.errors import StateError

COOKIE = r"""{"name":"k","value":"\"/","domain":"a.example","path":"/"}"""


def version_1(path: Path) -> None:
    """A state as version 1 left it: outputs by number, wrong lines as one text."""
    committed(
        path,
        new(1),
        Candidate(2, 2, "no url", "", 0, None, 1, None, NOT_A_URL),
        Candidate(3, 3, "http://a.example/trap", "", 1, None, 1, None, TRAP),
        new(4),
    )
    store = Store.open(path)
    store.finish([Final(4, State.FAILED, "dns")])
    store.commit({})
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        texts = {2: "url not a URL", 3: "trap longer than 9 characters"}
        for number, text in texts.items():
            connection.execute("UPDATE entries SET why = ? WHERE id = ?", (text, number))
        connection.execute("UPDATE facts SET value = '[7,8]' WHERE name = 'offsets'")
        connection.execute(
            "INSERT INTO facts VALUES ('cookies', ?)", (f"[{COOKIE},{COOKIE.replace('k', 'l')}]",)
        )
        connection.execute("DROP TABLE cookies")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()


def test_version_1_is_resumed(path: Path) -> None:
    version_1(path)
    with closing(Store.open(path, ("pages", "failures"))) as store:
        assert store.offsets == {"pages": 7, "failures": 8}
        entries = store.take(["", "a.example"], 9, 9)
        assert [(entry.id, entry.wrong) for entry in entries] == [
            (2, NOT_A_URL),
            (3, TRAP),
            (1, None),
        ]
        assert store.cookies() == [COOKIE, COOKIE.replace("k", "l")]
        store.keep_cookies([('["a.example","/","k"]', None)])
        store.commit({"pages": 9})
    assert in_file(path, "PRAGMA user_version") == [(VERSION,)]
    assert in_file(path, "SELECT why FROM entries WHERE id = 4") == [("dns",)]
    with closing(Store.open(path)) as store:
        assert store.offsets == {"pages": 9}
        assert store.cookies() == [COOKIE.replace("k", "l")]
        assert "cookies" not in store.facts


def test_version_3_is_counted_once(path: Path) -> None:
    committed(path, new(1), new(2, depth=3))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE tallies; PRAGMA user_version = 3")
    with closing(Store.open(path)) as store:
        assert_counted(store)
        assert store.depths() == {0: 1, 3: 1}
        store.end({}, now=5.0)
    with closing(Store.open(path)) as store:
        assert (store.ended, store.pending()) == (5.0, {"a.example": 2})


@pytest.mark.promise("P74")
def test_version_2_is_resumed(path: Path) -> None:
    committed(path, new(1), offsets={"pages": 5})
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE hosts; PRAGMA user_version = 2")
    with closing(Store.open(path)) as store:
        assert (store.offsets, store.learned(0.0).hosts) == ({"pages": 5}, [])
        store.commit({"pages": 5})
    assert in_file(path, "PRAGMA user_version") == [(VERSION,)]
    assert in_file(path, "SELECT count(*) FROM hosts") == [(0,)]


def test_version_1_stays_until_the_first_commit(path: Path) -> None:
    version_1(path)
    before = in_file(path, "SELECT id, why FROM entries")
    Store.open(path, ("pages", "failures")).close()
    assert in_file(path, "PRAGMA user_version") == [(1,)]
    assert in_file(path, "SELECT id, why FROM entries") == before


def test_version_1_with_other_outputs_is_refused(path: Path) -> None:
    version_1(path)
    with pytest.raises(StateError, match="the state has 2 outputs, but the settings have 3"):
        Store.open(path, ("pages", "failures", "skipped"))


@pytest.mark.promise("P76")
def test_version_2_had_the_port_in_the_host(path: Path) -> None:
    places = ("a.example:81", "a.example", "a.example.:82", "10.0.0.1:8080", "[::1]", "[::1]:80")
    committed(path, *(new(n, f"http://{place}/{n}") for n, place in enumerate(places, 1)))
    with closing(sqlite3.connect(path)) as connection:
        for number, place in enumerate(places, 1):
            connection.execute("UPDATE entries SET host = ? WHERE id = ?", (place, number))
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
    with closing(Store.open(path)) as store:
        assert store.pending() == {"a.example": 3, "10.0.0.1": 1, "[::1]": 2}
        store.commit({})
    assert in_file(path, "PRAGMA user_version") == [(VERSION,)]


def test_version_1_without_a_commit_has_no_offsets(path: Path) -> None:
    version_1(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE facts SET value = '[]' WHERE name = 'offsets'")
        connection.commit()
    with closing(Store.open(path, ("pages", "failures"))) as store:
        assert store.offsets == {}


def test_version_2_gets_its_new_tables(path: Path) -> None:
    committed(path, new(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE logins")
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
    with closing(Store.open(path)) as store:
        assert store.logins() == {}
        store.add([], logins={"http://a.example": "me:x"})
        store.commit({})
    assert in_file(path, "PRAGMA user_version") == [(VERSION,)]
    with closing(Store.open(path)) as store:
        assert store.logins() == {"http://a.example": "me:x"}
