"""What a resume takes over from the session before, by how that session ended."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crawler.app.resume import COMMITTED, DELAY, RECENT, host_memory
from crawler.frontier.entry import Entry
from crawler.frontier.host_memory import UNSEEN
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.learned import HostRecord, Learned
from crawler.frontier.patience import Patience
from crawler.frontier.state.store import Store
from crawler.frontier.ticket import EntryTicket
from crawler.model.errors import FailureKind, FetchError
from crawler.settings import Settings

pytestmark = pytest.mark.promise("P74")

END = 1_000_000.0
HOST = "a.example"
POLICY = HostPolicy(1, 2.0)


@pytest.fixture
def resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Resume ``passed`` seconds after a session in which one host has waited until END + 0.5, and
    one site has rested.
    """

    def run(*, in_order: bool = True, passed: float = 0.25, **settings: Any) -> Any:
        path = tmp_path / "state.db"
        facts = {COMMITTED: repr(END), DELAY: str(Settings().delay)}
        patience = Patience(60.0)
        url = f"http://{HOST}/"
        ticket = EntryTicket(url, HOST, 0.0, entry=Entry(1, url, HOST, 0, url))
        patience.silent(ticket, FetchError(FailureKind.CONNECT, "refused"), 0.0)
        with closing(Store.create(path)) as store:
            record = HostRecord(HOST, END + 0.5, 0.0, 0.0, True)
            store.learn(Learned([record], silence=patience.silence(0.25)))
            if in_order:
                store.end({}, facts, now=END)
            else:
                store.commit({}, facts)
        monkeypatch.setattr(time, "time", lambda: END + passed)
        monkeypatch.setattr(time, "monotonic", lambda: 70.0)
        with closing(Store.open(path)) as store:
            memory = host_memory(store, Settings(**settings))
        with closing(Store.open(path)) as store:
            assert store.ended is None, "a session has begun"
            assert store.facts[COMMITTED] == repr(END + passed)
        return memory

    return run


def test_after_an_end_in_order_a_host_waits_for_its_time(resumed: Callable[..., Any]) -> None:
    memory = resumed()
    assert memory.not_before(HOST, POLICY) == pytest.approx(70.25)
    assert memory.not_before("b.example", POLICY) == 0.0


@pytest.mark.parametrize("changed", [{"in_order": False}, {"delay": 2.0}])
def test_after_a_kill_or_with_other_delays_all_hosts_wait(
    resumed: Callable[..., Any], changed: dict[str, Any]
) -> None:
    memory = resumed(**changed)
    for host in (HOST, "b.example"):
        assert memory.not_before(host, POLICY) == pytest.approx(70.0 - 0.25 + UNSEEN + 2.0)


@pytest.mark.parametrize(
    ("changed", "is_known"),
    [
        ({}, True),
        ({"passed": RECENT}, True),
        ({"passed": RECENT + 1.0}, False),
        ({"passed": -1.0}, False),
        ({"in_order": False}, False),
        ({"resume": True, "run": "x", "again": ("all",)}, False),
    ],
)
def test_silent_sites_are_asked_at_once_after_some_minutes(
    resumed: Callable[..., Any], changed: dict[str, Any], is_known: bool
) -> None:
    assert (resumed(**changed).learned.silence is not None) is is_known
