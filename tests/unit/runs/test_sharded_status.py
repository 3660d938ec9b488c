"""A sharded run is one run for who looks from outside."""

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.shards import crawled, make_run, make_shard, note_input
from support.states import new

from crawler.cli import main
from crawler.frontier.entry import Candidate, Final, State
from crawler.metrics.budget import Reading
from crawler.metrics.meter import Meter
from crawler.metrics.progress import CrawlSession, Queues, RunProgress, SlotUse, encode
from crawler.metrics.report import Urls
from crawler.model.resting import RestingHost
from crawler.runs.layout import PROGRESS, STATE
from crawler.runs.sharded import busiest_hosts
from crawler.runs.shards import ShardState, read_shards
from crawler.runs.status import Status, status_of

Capture = pytest.CaptureFixture[str]
NOW = datetime(2100, 1, 1, tzinfo=UTC)


def entries(first: int, host: str, number: int) -> list[Candidate]:
    return [new(first + each, f"http://{host}/{each}") for each in range(number)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two shards of four have begun; 12 entries: 2 done, 2 failed, 1 skipped, 7 pending."""
    run = make_run(tmp_path / "my run", sent={0: 6, 1: 5})
    make_shard(
        run,
        0,
        [*entries(1, "a.example", 3), *entries(4, "b.example", 4)],
        [Final(1, State.DONE), Final(2, State.FAILED, "dns"), Final(4, State.SKIPPED, "robots")],
        {"sent": {"1": 3}, "received": {"-1": 6, "1": 1}},
    )
    make_shard(
        run,
        1,
        entries(1, "c.example", 5),
        [Final(1, State.DONE), Final(2, State.FAILED, "timeout")],
        {"sent": {"0": 1}, "received": {"-1": 5, "0": 3}},
    )
    return run


def write_progress(
    shard: Path,
    rate: float = 0.0,
    slots: SlotUse = SlotUse(0, 0),  # noqa: B008
    urls: Urls = Urls(),  # noqa: B008
    resting: Mapping[str, datetime] = {},
) -> None:
    """``resting`` is until when each host rests."""
    meter = Meter(8, lambda: Reading(1.0, 1.0, 0.0))
    hosts = [RestingHost(name, NOW, until, "status 503") for name, until in resting.items()]
    progress = RunProgress.of(
        NOW,
        CrawlSession(NOW, resumed=True, process=1, engine="curl"),
        meter.snapshot(2.0, complete=False),
        meter.figures(),
        Queues(),
        hosts,
        len(hosts),
        (),
    )
    changed = msgspec.structs.replace(progress, rate=rate, slots=slots, urls=urls)
    (shard / PROGRESS).write_bytes(encode(changed))


def finish(run: Path) -> None:
    """Put shards beside those of ``run`` that leave nothing to do."""
    for number in (0, 1):
        shard = run / "shards" / f"{number:04d}"
        for file in shard.iterdir():
            file.unlink()
        shard.rmdir()
        make_shard(run, number, [new(1)], [Final(1, State.DONE)], {"received": {"-1": 6 - number}})


def test_counts_are_sums_over_the_shards(run: Path) -> None:
    found = status_of(run)
    assert found.urls == Urls(input=12, done=2, failed=2, skipped=1, pending=7)
    assert (found.errors, found.skips) == ({"dns": 1, "timeout": 1}, {"robots": 1})
    assert found.bytes == 500
    assert found.hosts == {"b.example": 3, "c.example": 3, "a.example": 1}
    assert (found.running, found.process, found.progress) == (False, None, None)
    assert found.resume == f"crawler crawl --run '{run}' --resume"


def test_the_last_commit_is_that_of_any_shard(run: Path) -> None:
    for number, moment in ((0, 1000), (1, 86_400)):
        os.utime(run / "shards" / f"000{number}" / STATE, (0, moment))
    assert status_of(run).last_commit == "1970-01-02T00:00:00Z"


def test_a_run_without_shards_has_not_begun(tmp_path: Path) -> None:
    found = status_of(make_run(tmp_path / "run", sent={0: 3}))
    assert (found.urls, found.finished, found.hosts) == (Urls(), False, {})
    assert found.shards is not None
    assert (found.shards.shards, found.shards.finished, found.shards.on_the_way) == (1, 0, 3)


@pytest.mark.promise("P05")
@pytest.mark.parametrize(
    ("on", "shown"),
    [
        ("local:2", "--on local:2"),
        ("dask://10.0.0.1:8786", "--on dask://10.0.0.1:8786"),
        ("celery+redis://:s3cr3t@broker/0", "--on WHERE"),
    ],
)
def test_the_resume_command_names_the_workers_and_no_password(
    run: Path, on: str, shown: str
) -> None:
    (run / "settings.toml").write_text(f'on = "{on}"\nshards = 4\n')
    assert status_of(run).resume == f"crawler crawl --run '{run}' --resume {shown}"


# the end


def shards_of(found: Status) -> tuple[int, int, int, int]:
    assert found.shards is not None
    each = found.shards
    return each.shards, each.finished, each.running, each.on_the_way


def test_a_run_is_finished_when_nothing_is_left_and_nothing_is_on_its_way(run: Path) -> None:
    finish(run)
    found = status_of(run)
    assert (found.finished, found.resume, found.obstacle) == (True, None, None)
    assert shards_of(found) == (4, 4, 0, 0)


@pytest.mark.parametrize(
    ("facts", "finished", "travelling"),
    [
        ({"sent": {"1": 9}}, 3, 9),
        ({"sent": {"3": 2}}, 3, 2),
        ({"received": {"-1": 5}}, 3, 1),
        ({"input": "open"}, 3, 0),
    ],
)
def test_a_run_is_not_finished_while_a_record_is_on_its_way(
    run: Path, facts: dict[str, object], finished: int, travelling: int
) -> None:
    finish(run)
    for file in (run / "shards" / "0000").iterdir():
        file.unlink()
    (run / "shards" / "0000").rmdir()
    make_shard(run, 0, [new(1)], [Final(1, State.DONE)], {"received": {"-1": 6}, **facts})
    found = status_of(run)
    assert not found.finished and found.resume
    assert shards_of(found) == (4, finished, 0, travelling)


def test_a_run_is_not_finished_before_its_input_was_read(run: Path) -> None:
    finish(run)
    note_input(run, {0: 6, 1: 5}, is_read=False)
    found = status_of(run)
    assert not found.finished
    assert shards_of(found) == (4, 2, 0, 0)


# while it is crawled


def test_a_running_crawl_is_shown_with_its_driver_and_its_speed(run: Path) -> None:
    first, second = (run / "shards" / f"000{number}" for number in (0, 1))
    write_progress(first, rate=10.0, slots=SlotUse(3, 8))
    write_progress(second, rate=99.0, slots=SlotUse(9, 9))
    with crawled(run), crawled(first):
        found = status_of(run)
    assert (found.running, found.process, found.resume) == (True, os.getpid(), None)
    assert shards_of(found) == (4, 2, 1, 0)
    assert found.shards is not None
    assert (found.shards.rate, found.shards.slots) == (10.0, SlotUse(3, 8))


def test_a_shard_that_keeps_its_state_counts_by_its_progress(run: Path) -> None:
    """What it has sent and received is not known, so the run cannot be finished."""
    finish(run)
    first = run / "shards" / "0000"
    (first / STATE).write_bytes(b"")  # as one that cannot be read
    write_progress(first, urls=Urls(input=9, done=9))
    with crawled(first):
        found = status_of(run)
    assert found.urls == Urls(input=10, done=10)
    assert not found.finished
    assert shards_of(found) == (4, 3, 1, 0)


def test_hosts_rest_until_their_time_has_come(run: Path) -> None:
    first, second = (run / "shards" / f"000{number}" for number in (0, 1))
    past = datetime.now(UTC) - timedelta(seconds=5)
    write_progress(first, resting={"woken": past, "later": NOW})
    write_progress(second, resting={"silent": past})
    with crawled(second):
        found = status_of(run).shards
    assert found is not None
    assert sorted(each.host for each in found.resting) == ["later", "silent"]
    assert found.resting_hosts == 2


# hosts


def states(*pending: int) -> list[ShardState]:
    return [
        ShardState(number, Path(f"{number}"), False, 0.0, Urls(input=each, pending=each))
        for number, each in enumerate(pending)
    ]


def test_only_shards_that_can_have_a_busy_host_are_read() -> None:
    read = []

    def hosts(shard: ShardState) -> dict[str, int]:
        read.append(shard.number)
        return {f"{shard.number}-{each}": shard.urls.pending // 2 for each in range(2)}

    found = busiest_hosts(states(3, 100, 0, 30, 60, 20), 2, hosts)
    assert found == {"1-0": 50, "1-1": 50}
    assert read == [1, 4]


def test_large_shards_are_not_all_read() -> None:
    read = []

    def hosts(shard: ShardState) -> dict[str, int]:
        read.append(shard.number)
        return {}

    busiest_hosts(states(*[600_000] * 5), 10, hosts)
    assert read == [0, 1]
    read.clear()
    busiest_hosts(states(*[1] * 500), 10, hosts)
    assert len(read) == 100


# the command


def shown(capsys: Capture, run: Path) -> str:
    assert main(["status", str(run)]) == 0
    return capsys.readouterr().out


def test_status_prints_a_sharded_run_like_any_other(capsys: Capture, run: Path) -> None:
    hour_ago = time.time() - 3600
    for number in (0, 1):
        os.utime(run / "shards" / f"000{number}" / STATE, (hour_ago, hour_ago))
    write_progress(run / "shards" / "0001", resting={"c.example": NOW})
    note_input(run, {0: 6, 1: 7})
    text = shown(capsys, run)
    for words in (
        "my run · not running\n",
        "Pages     2 of 12 URLs · 500 bytes\n",
        "Failed    2 · dns × 1 · timeout × 1\n",
        "Left      7 pending\n",
        "b.example × 3 · c.example × 3 · a.example × 1\n",
        "Shards    2 of 4 finished · 2 URLs sent to a shard, not yet received\n",
        "Resting   c.example since 2100-01-01 00:00:00 UTC (status 503)\n",
        "Committed 1 h ago\n",
        f"Resume    crawler crawl --run '{run}' --resume\n",
    ):
        assert words in text
    assert "Speed" not in text


def test_status_prints_what_runs(capsys: Capture, run: Path) -> None:
    first = run / "shards" / "0000"
    write_progress(first, rate=10.0, slots=SlotUse(3, 8))
    with crawled(run), crawled(first):
        text = shown(capsys, run)
    assert f"my run · running, process {os.getpid()}\n" in text
    assert "Shards    2 of 4 finished · 1 being crawled\n" in text
    assert "Speed     10 URLs/s · 3 of 8 requests in flight\n" in text


def test_status_prints_json(capsys: Capture, run: Path) -> None:
    assert main(["status", str(run), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["urls"]["pending"] == 7
    assert found["shards"]["shards"] == 4


def test_a_run_without_shards_says_nothing_of_them(capsys: Capture, run: Path) -> None:
    one = read_shards(run)[0].directory
    (one / "settings.toml").write_text("concurrency = 4\n")
    assert "Shards" not in shown(capsys, one)
    assert status_of(one).shards is None
