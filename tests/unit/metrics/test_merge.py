"""One report of the sessions of all shards."""

from datetime import UTC, datetime

import msgspec
import pytest
from support.sessions import BEGAN, DRIVER, session, shard

from crawler.metrics.merge import merge
from crawler.metrics.report import (
    CacheUse,
    Connections,
    Cpu,
    Latency,
    Limiter,
    Report,
    ShardUse,
    TimeBudget,
    Urls,
)
from crawler.metrics.slices import SliceRecord, decode_slice, encode_slice
from crawler.model.errors import StateError
from crawler.model.events import Counted, Fetched, Finished
from crawler.model.exchange import Timing
from crawler.model.resting import RestingHost

change = msgspec.structs.replace


def fetched(total: float, method: str = "kernel", status: int = 200) -> Fetched:
    timing = Timing(total=total, answer=total, method=method, reused=True)  # type: ignore[arg-type]
    return Fetched("https://a.example/", 100.0, 0.0, timing, status, 10)


def crawled(pages: int, began: float = BEGAN, **changes: object) -> SliceRecord:
    """A session that has done ``pages`` pages, each after a tenth of a second."""
    events = [Counted(input=pages), *[fetched(0.1)] * pages, Finished(done=pages, body_bytes=1000)]
    return session(events, began=began, **changes)  # type: ignore[arg-type]


def rested(*names: str, since: int = 0) -> dict[str, object]:
    hosts = tuple(
        RestingHost(name, datetime(2026, 1, 1, 12, since + at, tzinfo=UTC), datetime.max, "silent")
        for at, name in enumerate(names)
    )
    return {"resting": hosts, "resting_hosts": len(hosts)}


def test_one_session_is_its_own_whole() -> None:
    one = crawled(200)
    whole = merge([shard(one)], change(DRIVER, slots=1, shards=1, wall_s=30.0))
    same = set(Report.__struct_fields__) - {"version", "startup_s", "model", "shards"}
    found = {name: getattr(whole, name) for name in same}
    assert found == {name: getattr(one.report, name) for name in same}
    assert whole.shards == ShardUse(1, 1, 0)


def test_times_and_counts_of_sessions_are_added() -> None:
    first, second = crawled(10, wall=20.0, cpu=5.0), crawled(30, wall=10.0, cpu=5.0)
    whole = merge([shard(first), shard(second)], DRIVER)
    assert whole.status == {"200": 40}
    assert whole.cpu == Cpu(10.0, 0.0)
    assert whole.budget == TimeBudget(computing=10.0, waiting=20.0)
    assert whole.thread_s == 30.0
    assert whole.slots.used == 4 * 30.0
    assert whole.connections == Connections(0, 40, 0)
    assert whole.io_wait.total_s == pytest.approx(first.report.io_wait.total_s * 4)
    assert whole.io_wait.overlap == pytest.approx(whole.io_wait.total_s / 20.0)


def test_wall_and_rate_are_those_of_the_driver() -> None:
    whole = merge([shard(crawled(10)), shard(crawled(32))], change(DRIVER, done_before=12))
    assert (whole.wall_s, whole.startup_s, whole.pages_per_s) == (60.0, 0.5, 0.5)
    assert whole.concurrency == 2 * 4


def test_entries_are_those_of_the_state_and_not_of_every_session() -> None:
    """A session reports the entries of the whole shard; the one before it did, too."""
    state = Urls(input=31, done=30, pending=1)
    whole = merge([shard(crawled(10), crawled(20), urls=state)], DRIVER)
    assert whole.urls == state
    assert whole.status == {"200": 30}


def test_percentiles_are_those_of_all_responses() -> None:
    slow = session([fetched(2.0)] * 5)
    quick = session([fetched(0.001)] * 95)
    latency = merge([shard(slow, quick)], DRIVER).latency_ms
    assert latency.p50 == pytest.approx(1.0, rel=0.01)
    assert latency.p99 == pytest.approx(2000.0, rel=0.01)
    assert latency.max == 2000.0


def test_the_clocks_of_all_sessions_are_named() -> None:
    whole = merge([shard(session([fetched(1)] * 3, engine="curl"))], DRIVER)
    other = session([fetched(1, "library")], engine="aiohttp")
    mixed = merge([shard(session([fetched(1)] * 3)), shard(other)], DRIVER)
    assert (whole.io_wait.method, whole.engine) == ("kernel", "curl")
    assert (mixed.io_wait.method, mixed.engine) == ("mixed (75 % kernel)", "aiohttp, curl")


def test_killed_sessions_are_counted() -> None:
    whole = merge([shard(crawled(1), killed=2), shard(killed=1), shard()], DRIVER)
    assert whole.shards == ShardUse(shards=4, sessions=4, killed=3)


def test_memory_is_that_of_the_largest_sessions_that_may_run_at_once() -> None:
    """Two slots; the sessions of one shard never run at the same time."""
    peaks = [[300.0, 290.0], [100.0], [200.0]]
    parts = [shard(*(crawled(1, rss_peak_mb=peak) for peak in each)) for each in peaks]
    assert merge(parts, DRIVER).rss_peak_mb == 500.0


def test_resting_hosts_are_those_of_the_last_sessions() -> None:
    left = Urls(input=2, pending=2)
    woken = shard(crawled(1, **rested("woken")), crawled(1), urls=left)
    late, early = (crawled(1, **rested(name, since=at)) for name, at in (("late", 9), ("early", 1)))
    whole = merge([woken, shard(late, urls=left), shard(early, urls=left)], DRIVER)
    assert [each.host for each in whole.resting] == ["early", "late"]
    assert whole.resting_hosts == 2


def test_the_hosts_of_a_finished_crawl_do_not_rest() -> None:
    whole = merge([shard(crawled(1, **rested("a")), urls=Urls(input=1, done=1))], DRIVER)
    assert (whole.resting_hosts, whole.resting) == (0, ())


def test_the_uses_of_the_cache_are_added() -> None:
    parts = [crawled(1, cache=CacheUse(3)), crawled(1, cache=CacheUse(4, "the disk is full"))]
    assert merge([shard(*parts)], DRIVER).cache == CacheUse(7, "the disk is full")
    assert merge([shard(crawled(1))], DRIVER).cache is None


def test_pages_with_the_same_content_are_counted_in_each_shard() -> None:
    """They are counted once, at the end, in the states of the shards."""
    counted = [msgspec.structs.replace(shard(crawled(1)), same_content=n) for n in (5, 3)]
    assert merge(counted, DRIVER).same_content == 5 + 3


def test_the_choice_of_an_engine_is_kept() -> None:
    parts = [crawled(1, auto="curl, I/O-bound"), crawled(1)]
    assert merge([shard(*parts)], DRIVER).auto == "curl, I/O-bound"


def test_lost_workers_are_added() -> None:
    parts = [shard(crawled(1, lost_workers=number)) for number in (1, 2)]
    assert merge(parts, DRIVER).lost_workers == 3


@pytest.mark.parametrize("slots", [0, 2])
def test_nothing_makes_an_empty_report(slots: int) -> None:
    """The last workers may have gone."""
    whole = merge([], change(DRIVER, slots=slots))
    assert (whole.urls, whole.latency_ms, whole.status) == (Urls(), Latency(), {})
    assert whole.shards == ShardUse(4, 0, 0)


# limits


def test_the_rules_of_one_crawl_judge_the_average_thread() -> None:
    """Two threads at once that compute 90 % of the time are busy, and not 180 %."""
    parts = [shard(crawled(100, wall=60.0, cpu=54.0)) for _ in range(2)]
    limit = merge(parts, DRIVER).limited_by
    assert limit.what is Limiter.CPU
    assert "computing 90 % of the time" in limit.says
    assert "use more workers" in limit.change


def test_slots_of_all_sessions_are_judged_together() -> None:
    parts = [shard(crawled(100, wall=60.0, in_flight=4)) for _ in range(2)]
    limit = merge(parts, DRIVER).limited_by
    assert limit.what is Limiter.CONCURRENCY
    assert "the slots were used 100 % of the time" in limit.says
    assert "(it was 8)" in limit.change


def test_workers_without_a_shard_are_the_limit() -> None:
    limit = merge([shard(crawled(100, wall=40.0, startup=0.0))], DRIVER).limited_by
    assert limit.what is Limiter.SHARDS
    assert "for 67 % of the time of 2 worker slots" in limit.says


def test_only_the_time_of_this_driver_is_judged() -> None:
    """The driver before it had worked off nearly everything."""
    before = crawled(100, began=BEGAN - 1000, wall=900.0)
    limit = merge([shard(before, crawled(5, wall=10.0, startup=0.0))], DRIVER).limited_by
    assert "for 92 % of the time" in limit.says


@pytest.mark.parametrize("how", ["killed", "brief"])
def test_idle_workers_are_not_named_where_it_is_not_known(how: str) -> None:
    driver = change(DRIVER, wall_s=9.0) if how == "brief" else DRIVER
    wall = 2.0 if how == "brief" else 20.0
    part = shard(crawled(100, wall=wall, cpu=0.2), killed=how == "killed")
    assert merge([part], driver).limited_by.what is Limiter.CONCURRENCY


# records


def test_a_record_can_be_read_back() -> None:
    record = crawled(7)
    assert decode_slice(encode_slice(record), "x") == record
    assert record.fetching_since == BEGAN + 0.25
    assert record.responses == 7


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        encode_slice(crawled(7))[:-9],
        encode_slice(change(crawled(7), latency={99_999: 1})),
        encode_slice(change(crawled(7), latency={-1: 1})),
        encode_slice(change(crawled(7), latency={1: -1})),
    ],
)
def test_a_damaged_record_is_refused(text: bytes) -> None:
    with pytest.raises(StateError, match=r"00001.json: not a file this version wrote"):
        decode_slice(text, "00001.json")
