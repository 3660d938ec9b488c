"""The record of a running crawl, and the hosts that rest."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from crawler.metrics.budget import Reading
from crawler.metrics.meter import Meter
from crawler.metrics.progress import (
    MAX_BYTES,
    CrawlSession,
    Queues,
    RecentFailures,
    RunProgress,
    decode,
    encode,
)
from crawler.metrics.resting import KEPT, RestingHosts
from crawler.model.errors import FailureKind, FetchError
from crawler.model.events import GaveUp, Held, Rested, Returned
from crawler.model.pages import Failure
from crawler.model.resting import RestingHost

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LONG = "\u20ac" * 10_000


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def resting(clock: Clock) -> RestingHosts:
    return RestingHosts(clock)


def progress(hosts: list[RestingHost], failures: RecentFailures) -> RunProgress:
    meter = Meter(8, lambda: Reading(1.0, 1.0, 0.0))
    return RunProgress.of(
        NOW,
        CrawlSession(NOW, resumed=True, process=1, engine="curl"),
        meter.snapshot(2.0, complete=False),
        meter.figures(),
        Queues(1, 2, 3),
        hosts,
        len(hosts),
        failures.newest(),
    )


# progress.json


def test_the_file_stays_small_whatever_is_in_it() -> None:
    failures = RecentFailures()
    failures.add([Failure(LONG, FailureKind.DNS, LONG, 1)] * 50, NOW)
    hosts = [RestingHost(f"{n}" * 253, NOW, NOW, LONG) for n in range(5000)]
    text = encode(progress(hosts, failures))
    assert len(text) <= MAX_BYTES
    found = decode(text)
    assert found.resting_hosts == 5000
    assert found.resting[0].host == "0" * 253
    assert len(found.failures) == 20
    assert found.failures[0].message.endswith("€…")


def test_a_hundred_ordinary_hosts_fit() -> None:
    hosts = [RestingHost(f"host-{n}.example", NOW, NOW, "status 503") for n in range(150)]
    found = decode(encode(progress(hosts, RecentFailures())))
    assert found.resting == tuple(hosts[:100])
    assert found.resting_hosts == 150


def test_the_newest_failure_is_first() -> None:
    failures = RecentFailures()
    for number in range(30):
        failures.add([Failure(f"u{number}", FailureKind.DNS, "m", 2)], NOW)
    assert [each.url for each in failures.newest()] == [f"u{n}" for n in range(29, 9, -1)]


def test_times_are_iso_8601_in_utc() -> None:
    text = msgspec.json.decode(encode(progress([], RecentFailures())))
    assert text["time"] == text["session"]["started"] == "2026-11-30T12:00:00Z"


# hosts that rest


def test_a_host_rests_until_its_pause_is_over(resting: RestingHosts, clock: Clock) -> None:
    resting.fold(Held("a", 100.0, 503))
    until = NOW + timedelta(seconds=100)
    why = "status 503 with Retry-After"
    assert resting.now(10) == (1, (RestingHost("a", NOW, until, why),))
    clock.now = until
    assert resting.now(10) == (0, ())


def test_a_pause_that_is_prolonged_keeps_its_beginning(resting: RestingHosts, clock: Clock) -> None:
    resting.fold(Held("a", 100.0, 503))
    clock.now += timedelta(seconds=50)
    resting.fold(Held("a", 100.0, 429))
    (host,) = resting.now(10)[1]
    assert (host.since, host.why) == (NOW, "status 429 with Retry-After")
    assert host.until == NOW + timedelta(seconds=150)


def test_a_new_pause_has_a_new_beginning(resting: RestingHosts, clock: Clock) -> None:
    resting.fold(Held("a", 10.0, 503))
    clock.now += timedelta(seconds=50)
    resting.fold(Held("a", 10.0, 503))
    assert resting.now(10)[1][0].since == clock.now


def test_who_rests_longest_is_first(resting: RestingHosts, clock: Clock) -> None:
    for name in "abc":
        resting.fold(Held(name, 100.0, 503))
        clock.now += timedelta(seconds=1)
    resting.fold(Held("a", 100.0, 503))
    total, hosts = resting.now(2)
    assert (total, [each.host for each in hosts]) == (3, ["a", "b"])


@pytest.mark.promise("P45")
def test_a_host_without_answers_rests_until_it_is_back(resting: RestingHosts, clock: Clock) -> None:
    why = FetchError(FailureKind.CONNECT, "refused")
    resting.fold(Rested("a", 1.0, 2.0, why))
    clock.now += timedelta(seconds=30)
    resting.fold(Rested("a", 31.0, 4.0, why, 2))
    since, until = NOW - timedelta(seconds=1), clock.now + timedelta(seconds=4)
    clock.now += timedelta(seconds=90)
    assert resting.now(10) == (1, (RestingHost("a", since, until, "refused"),))
    resting.fold(Rested("b", 1.0, 2.0, why))
    assert (resting.silent, resting.last_silent) == (2, "b")
    resting.fold(Returned("b", 9.0))
    resting.fold(GaveUp("c", 9.0, why))
    assert (resting.silent, resting.last_silent) == (1, "a")
    resting.fold(GaveUp("a", 9.0, why))
    assert (resting.silent, resting.last_silent, resting.now(10)) == (0, "", (0, ()))


def test_hosts_are_bounded(resting: RestingHosts) -> None:
    for number in range(KEPT + 5):
        resting.fold(Held(f"{number}", 100.0, 503))
    total, hosts = resting.now(1)
    assert (total, hosts[0].host) == (KEPT, "5")
