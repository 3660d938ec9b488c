"""The records of sessions in the directories of shards, and their report."""

import logging
from pathlib import Path

import msgspec
import pytest
from support.sessions import DRIVER, session
from support.shards import make_run, make_shard, note_input
from support.states import new

from crawler.frontier.entry import Final, State
from crawler.metrics.report import ShardUse, Urls
from crawler.model.errors import StateError
from crawler.model.events import Fetched
from crawler.model.exchange import Timing
from crawler.runs.slices import merged_report, read_slices, write_slice

RECORD = session([Fetched("http://a/", 100.0, 0.0, Timing(total=1.0), 200, 1)])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def test_records_are_in_the_order_of_their_sessions(run: Path) -> None:
    shard = make_shard(run, 0)
    for number in (100_000, 2, 11):
        write_slice(shard, number, RECORD)
    assert list(read_slices(shard)) == [2, 11, 100_000]
    assert read_slices(shard)[2] == RECORD


def test_a_shard_without_records_has_none(run: Path) -> None:
    assert read_slices(make_shard(run, 0)) == {}


def test_a_damaged_record_is_left_out_and_named(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shard = make_shard(run, 0)
    for number in (1, 2):
        write_slice(shard, number, RECORD)
    (shard / "slices" / "00001.json").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        assert list(read_slices(shard)) == [2]
    assert "00001.json: not a file this version wrote" in caplog.text


def test_a_record_that_cannot_be_written_is_reported(run: Path) -> None:
    shard = make_shard(run, 0)
    (shard / "slices").write_text("")
    with pytest.raises(StateError, match="slices"):
        write_slice(shard, 1, RECORD)


def test_the_report_has_the_entries_of_states_and_the_times_of_records(run: Path) -> None:
    first = make_shard(run, 0, [new(1), new(2)], [Final(1, State.DONE)], {"sessions": 3})
    second = make_shard(run, 1, [new(1)], [Final(1, State.FAILED, "dns")], {"sessions": 1})
    for shard, number in ((first, 1), (first, 3), (second, 1)):
        write_slice(shard, number, RECORD)
    note_input(run, {1: 5})
    report = merged_report(run, msgspec.structs.replace(DRIVER, shards=4))
    assert report.urls == Urls(input=3, done=1, failed=1, pending=1)
    assert (report.bytes, report.errors) == (200, {"dns": 1})
    assert report.status == {"200": 3}
    assert report.shards == ShardUse(shards=4, sessions=4, killed=1, on_the_way=5)


def test_pages_with_the_same_content_are_counted_in_the_states(run: Path) -> None:
    ends = [Final(1, State.DONE, digest=7), Final(2, State.DONE, digest=7)]
    make_shard(run, 0, [new(1), new(2)], ends, {"sessions": 1})
    make_shard(run, 1, [new(1)], [Final(1, State.DONE, digest=7)], {"sessions": 1})
    assert merged_report(run, DRIVER).same_content == 1
