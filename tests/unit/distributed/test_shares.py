"""What one slice gets of the limits of the crawl, and of its machine."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from crawler.app.fetching import host_policy
from crawler.distributed.shares import changes
from crawler.fetch.addresses import AddressRules
from crawler.fetch.network import current
from crawler.settings import Settings, options
from crawler.settings.cores import usable_cores


@pytest.mark.parametrize(
    ("limit", "slots", "share"), [(16, 1, 16), (16, 3, 5), (2, 3, 1), (None, 4, 4)]
)
def test_slices_share_the_limit_of_an_address(limit: int | None, slots: int, share: int) -> None:
    policy = host_policy(Settings(per_address=limit), AddressRules(), current(), slots)
    assert policy("a.example").per_address == share
    assert policy("a.example").per_host == Settings().host_limit(own=False)


def test_a_loopback_host_of_the_input_has_no_limit_to_share() -> None:
    rules = AddressRules()
    rules.name("127.0.0.1", 80)
    assert host_policy(Settings(), rules, current(), 4)("127.0.0.1").per_address == 0


@pytest.mark.parametrize(
    ("on", "workers"),
    [("local", 2), ("local:3", 2), ("dask", 2), ("dask://10.0.0.1:8786", 1), ("ray://h:1", 1)],
)
def test_slices_share_the_cores_only_of_this_machine(
    on: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.distributed.shares.usable_cores", lambda: 6)
    assert changes(Settings(on=on), 3)["workers"] == workers
    assert changes(Settings(on=on), 100)["workers"] == 1


def test_the_threads_of_an_executor_are_of_this_machine() -> None:
    with ThreadPoolExecutor(1) as executor:
        assert changes(Settings(on=executor, slots=1), 1)["workers"] == usable_cores()


@pytest.mark.parametrize(
    ("given", "workers"),
    [({"workers": 5}, 5), ({"parse": "inline"}, None), ({"parse": "none"}, None)],
)
def test_what_was_given_stays(given: dict[str, object], workers: int | None) -> None:
    assert changes(Settings(on="local", **given), 2)["workers"] == workers  # type: ignore[arg-type]


def test_what_a_resume_may_change_travels() -> None:
    session = Settings(
        on="local", concurrency=3, delay=2.0, rate=9.0, cache="pages", parse="thread"
    )
    found = msgspec.json.decode(msgspec.json.encode(changes(session, 2)), type=dict[str, object])
    began = Settings(on="local", concurrency=7, robots=False)
    there = msgspec.structs.replace(began, **found)
    assert (there.concurrency, there.delay, there.rate, there.robots) == (3, 2.0, 9.0, False)
    assert (there.parse, there.cache) == ("thread", str(Path("pages").absolute()))


@pytest.mark.promise("P58")
def test_no_secret_and_nothing_of_the_driver_travels() -> None:
    named = changes(Settings(on="local"), 1)
    secret = {each.name for each in options() if each.extra["secret"]}
    assert not named.keys() & (secret | {"on", "slots", "slice", "run", "resume", "again"})
