"""The logins of the input: kept as long as a resume can need them."""

from contextlib import closing
from pathlib import Path

import pytest
from support.states import new

from crawler.frontier.entry import Final, State
from crawler.frontier.state.store import Store

HOSTS = ("good", "failed", "skipped")
LOGINS = {f"https://{host}.example:8443": f"me:{host}-s3cret" for host in HOSTS}
FINALS = [
    Final(1, State.DONE),
    Final(2, State.FAILED, "status"),
    Final(3, State.SKIPPED, "robots"),
    Final(4, State.DONE),
]


def made(path: Path) -> Store:
    """A state with a login for each host, and an entry of each; the first has two."""
    store = Store.create(path)
    urls = [f"{origin}/" for origin in LOGINS]
    entries = [new(number, url) for number, url in enumerate([*urls, f"{urls[0]}2"], start=1)]
    store.add(entries, lines=4, logins=LOGINS)
    store.commit({})
    return store


def kept(path: Path) -> set[str]:
    """The hosts whose login is there."""
    with closing(Store.open(path)) as store:
        return {host for host in HOSTS if f"https://{host}.example:8443" in store.logins()}


@pytest.mark.promise("P47")
def test_a_finished_run_without_a_failure_keeps_no_login(path: Path) -> None:
    store = made(path)
    store.finish([Final(number, State.DONE) for number in range(1, 5)])
    store.commit({}, {"input": "read"})
    store.close()
    assert not kept(path)
    assert b"good-s3cret" not in path.read_bytes()


@pytest.mark.promise("P47")
@pytest.mark.parametrize(("finals", "how_far"), [(3, "read"), (4, "read"), (4, "open")])
def test_a_run_that_can_be_resumed_keeps_all_logins(path: Path, finals: int, how_far: str) -> None:
    store = made(path)
    store.finish(FINALS[:finals])
    store.commit({}, {"input": how_far})
    store.close()
    assert kept(path) == set(HOSTS)
