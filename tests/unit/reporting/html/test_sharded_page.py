"""The report of a sharded crawl reads the files of all its shards."""

import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path

import msgspec
import pytest
from support.reports import FAILURE, REPORT, SKIPPED, fetch
from support.sessions import BEGAN, session
from support.shards import crawled, make_run, make_shard
from support.states import new

from crawler.frontier.entry import Final, State
from crawler.metrics.report import Report, ShardUse, Urls, to_json
from crawler.metrics.timeline import Line
from crawler.model.errors import FailureKind, StateError
from crawler.model.pages import Failure, Skipped
from crawler.reporting.html.run_files import ROWS, ShardRow
from crawler.reporting.html.sharded_files import TIMELINES, even_sample, read_sharded_run
from crawler.reporting.html.write import write_html
from crawler.runs.slices import write_slice

change = msgspec.structs.replace
WHOLE: Report = change(
    REPORT,
    urls=Urls(input=2, failed=1, skipped=1),
    errors={"timeout": 1},
    skips={"robots": 1},
    shards=ShardUse(2, 3, 1, 4),
)


def lines(records: Iterable[object]) -> bytes:
    return b"".join(msgspec.json.encode(each) + b"\n" for each in records)


def fill(
    shard: Path,
    timeline: Iterable[Line] = (fetch(),),
    failures: Iterable[Failure] = (),
    skips: Iterable[Skipped] = (),
) -> None:
    for name, records in (("timeline", timeline), ("failures", failures), ("skipped", skips)):
        (shard / f"{name}.jsonl").write_bytes(lines(records))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The first session of shard 0 was killed, its second began a minute after shard 1's."""
    run = make_run(tmp_path / "run")
    (run / "report.json").write_bytes(to_json(WHOLE))
    failed = make_shard(
        run,
        0,
        [new(1)],
        [Final(1, State.FAILED, "timeout")],
        {"sessions": 2},
        {"failures.jsonl": len(lines([FAILURE]))},
    )
    fill(failed, [fetch(start=3.0)], [FAILURE])
    write_slice(failed, 2, session(began=BEGAN + 60, wall=30, startup=1, status={"200": 600}))
    skipped = make_shard(
        run,
        1,
        [new(1)],
        [Final(1, State.SKIPPED, "robots")],
        {"sessions": 1},
        {"skipped.jsonl": len(lines([SKIPPED]))},
    )
    fill(skipped, [fetch("http://b.example/", start=5.0)], (), [SKIPPED])
    write_slice(skipped, 1, session(began=BEGAN, wall=20, startup=0, status={"200": 100}))
    return run


def words(run: Path) -> str:
    html = write_html(run).read_text("utf-8")
    main = html[html.index("<main>") : html.index("</main>")]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def test_timelines_are_on_one_axis_without_the_pauses(run: Path) -> None:
    """Nothing was crawled from second 20 to second 61."""
    found = read_sharded_run(run)
    assert [(each.url, each.t) for each in found.timeline] == [
        ("http://a.example/1", 23.0),
        ("http://b.example/", 5.0),
    ]
    assert found.sharded is not None
    assert (found.sharded.time_s, found.sharded.timelines) == (50.0, 2)


def test_the_chart_has_the_responses_of_all_sessions(run: Path) -> None:
    found = read_sharded_run(run).sharded
    assert found is not None
    steps = found.responses
    assert (steps[0], steps[-1]) == (pytest.approx(5.0), pytest.approx(20.0))
    assert sum(steps) * found.time_s / len(steps) == pytest.approx(700)


def test_failures_and_skips_are_those_of_all_shards(run: Path) -> None:
    found = read_sharded_run(run)
    assert (found.failures, found.skips) == ([FAILURE], [SKIPPED])


def test_what_a_killed_session_has_not_committed_is_not_read(run: Path) -> None:
    more = change(WHOLE, errors={"timeout": 9})  # so that all records are looked at
    (run / "report.json").write_bytes(to_json(more))
    with (run / "shards" / "0000" / "failures.jsonl").open("ab") as file:
        file.write(lines([change(FAILURE, url="http://a.example/later")]) + b'{"url": "ht')
    assert read_sharded_run(run).failures == [FAILURE]


def test_a_committed_record_that_is_damaged_is_named(run: Path) -> None:
    damaged = run / "shards" / "0000" / "failures.jsonl"
    damaged.write_bytes(b"{" + damaged.read_bytes()[1:].replace(b'"', b"!"))
    with pytest.raises(StateError, match=r"0000/failures\.jsonl, line 1: not a record"):
        read_sharded_run(run)


def test_the_shards_are_in_a_table(run: Path) -> None:
    found = read_sharded_run(run).sharded
    assert found is not None
    assert found.rows == (
        ShardRow("0000", "shards/0000", 0, 1, 0, 2, 1),
        ShardRow("0001", "shards/0001", 0, 0, 0, 1, 0),
    )


def test_the_page_says_what_the_shards_did(run: Path) -> None:
    text = words(run)
    for says in (
        "The fetch threads of 2 sessions:",
        "2 fetches from the last session of 2 shards, an even sample.",
        "3 sessions of 2 shards · 1 session was killed: its times are missing"
        " · 4 URLs sent to a shard, not yet received",
        "shard pages failed left sessions killed 0000 0 1 0 2 1 0001 0 0 0 1 0",
        "The chart and the table have the fetches of the timeline alone.",
        "timeout http://a.example/gone",
        "Responses per second 20/s 0 0 s 25 s 50 s",
    ):
        assert says in text
    assert 'href="./shards/0000"' in (run / "report.html").read_text()


@pytest.mark.parametrize("how", ["killed", "running"])
def test_the_timeline_of_a_session_without_a_record_is_left_out(run: Path, how: str) -> None:
    """Nothing says when it began; and while a shard is crawled, its timeline grows."""
    shard = run / "shards" / "0000"
    if how == "killed":
        (shard / "slices" / "00002.json").rename(shard / "slices" / "00001.json")
        found = read_sharded_run(run)
    else:
        with crawled(shard):
            found = read_sharded_run(run)
    assert [each.url for each in found.timeline] == ["http://b.example/"]


def test_a_crawl_whose_sessions_were_all_killed_has_a_page(run: Path) -> None:
    for number in ("0000/slices/00002", "0001/slices/00001"):
        (run / "shards" / f"{number}.json").unlink()
    text = words(run)
    assert "No timeline was kept." in text
    assert "Responses per second" not in text


@pytest.mark.promise("P39")
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(b"{}\n"), "not a file this version wrote"),
        (lambda path: path.unlink(), "No such file"),
    ],
)
def test_a_timeline_that_cannot_be_read_is_named(run: Path, damage: object, says: str) -> None:
    damage(run / "shards" / "0001" / "timeline.jsonl")  # type: ignore[operator]
    with pytest.raises(StateError, match=rf"0001/timeline\.jsonl: .*{says}"):
        write_html(run)


# bounds


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More shards than rows; of each, one failure and three fetches in the order of its number."""
    run = make_run(tmp_path / "run")
    kinds = [FailureKind.DNS if number == 149 else FailureKind.TIMEOUT for number in range(150)]
    use = ShardUse(150, 151, 1)
    report = change(
        WHOLE, shards=use, errors={"timeout": 149, "dns": 1}, urls=Urls(input=150, failed=150)
    )
    (run / "report.json").write_bytes(to_json(report))
    for number, kind in enumerate(kinds):
        failures = [change(FAILURE, url=f"http://{number}.example/", error=kind)]
        shard = make_shard(
            run,
            number,
            [new(1), new(2)],
            [Final(1, State.FAILED, kind.value)],
            {"sessions": 2 if number == 77 else 1},
            {"failures.jsonl": len(lines(failures))},
        )
        fill(shard, [fetch(start=float(each)) for each in range(3)], failures)
        write_slice(shard, 1, session(began=BEGAN + number, wall=10, startup=0))
    return run


def test_a_large_run_has_a_bounded_page(large: Path) -> None:
    found = read_sharded_run(large)
    assert found.sharded is not None
    assert len(found.sharded.rows) == ROWS
    assert found.sharded.rows[0].name == "0077", "the one with a killed session"
    assert found.sharded.timelines == TIMELINES
    assert len(found.timeline) == 3 * TIMELINES
    assert {each.error for each in found.failures} == {FailureKind.TIMEOUT, FailureKind.DNS}
    text = words(large)
    assert "100 shards, those with killed sessions and most left first" in text


def test_a_sample_has_a_power_of_two_as_its_stride() -> None:
    assert even_sample(range(10), 10) == list(range(10))
    assert even_sample(range(11), 10) == [0, 2, 4, 6, 8, 10]
    assert even_sample(range(100), 10) == list(range(0, 100, 16))
