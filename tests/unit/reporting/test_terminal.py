import io
import re

import msgspec
import pytest
from rich.console import Console
from support import reports

from crawler.metrics.report import (
    Baseline,
    Connections,
    IoWait,
    Report,
    ShardUse,
    TimeBudget,
    Urls,
)
from crawler.reporting.terminal import show

change = msgspec.structs.replace
REPORT = change(reports.REPORT, baseline=None)


def shown(report: Report, width: int = 100, run: str | None = None) -> str:
    file = io.StringIO()
    show(report, Console(file=file, width=width), run)
    return file.getvalue()


def words(report: Report, run: str | None = None) -> str:
    return " ".join(shown(report, run=run).split())


def test_the_summary_says_what_was_fetched() -> None:
    text = words(REPORT)
    assert "10,412 of 10,500 URLs · 612 MB" in text
    assert "Failed 63 · timeout × 51 · connect × 12" in text
    assert "Skipped 25 · robots × 25" in text
    assert "200 × 10,412 · 404 × 10" in text
    assert "521 pages/s · 31 MB/s" in text


def test_the_summary_says_what_was_saved() -> None:
    text = words(REPORT)
    assert (
        "Waited 6 min 52 s in total, 9.1 s of it exposed: overlap 45 ×, 6 min 43 s saved." in text
    )
    assert "plain sum of latencies 52 min, an upper bound" in text


def test_the_summary_says_what_limits_the_crawl() -> None:
    assert "Limit Concurrency: it is. Raise it." in words(REPORT)


@pytest.mark.parametrize(
    ("connections", "says"),
    [
        (Connections(14, 513), "14 connections opened · 513 requests on a kept one"),
        (
            Connections(1, 1, 1),
            "1 connection opened · 1 request on a kept one · 1 TLS session resu",
        ),
        (Connections(527), "527 connections opened · none used again"),
    ],
)
def test_the_summary_says_what_connections_were_worth(connections: Connections, says: str) -> None:
    (line,) = re.findall(
        r"^  Network   (.*)$", shown(change(REPORT, connections=connections)), re.MULTILINE
    )
    assert line.startswith(says)


def test_a_report_without_connections_says_nothing_of_them() -> None:
    assert "Network" not in words(change(REPORT, connections=Connections()))


def test_parts_of_the_time_are_drawn_to_scale() -> None:
    text = shown(REPORT)
    bar = next(row for row in text.splitlines() if "██" in row)
    assert bar.count("█") + bar.count("░") == 60
    assert abs(bar.count("█") - 60 * 10.8 / 19.94) <= 1
    assert "computing 54 %" in text and "waiting 46 %" in text
    assert "politeness" not in text and "starved" not in text


def test_every_named_part_has_a_block() -> None:
    budget = TimeBudget(19.4, 0.12, 0.12, 0.12, 0.12, 0.12)
    bar = next(row for row in shown(change(REPORT, budget=budget)).splitlines() if "██" in row)
    assert len(bar.split()[1]) == 60
    assert set(bar.split()[1]) == set("█░▒·▓×")


@pytest.mark.parametrize(
    ("io_wait", "says"),
    [
        (IoWait(), "No I/O wait was measured."),
        (IoWait(total_s=5, saved_s=5), "Waited 5 s in total, none of it exposed."),
        (
            IoWait(total_s=5, exposed_s=6, overlap=5 / 6),
            "Waited 5 s in total, 6 s of it exposed: almost nothing was saved.",
        ),
        (
            IoWait(total_s=500, exposed_s=1, saved_s=499, overlap=500),
            "1 s of it exposed, the rest passed during other waits and computing",
        ),
    ],
)
def test_savings_are_never_overstated(io_wait: IoWait, says: str) -> None:
    text = words(change(REPORT, io_wait=io_wait))
    assert says in text
    assert "overlap" not in text


def test_without_pages_no_speed_is_shown() -> None:
    nothing = change(
        REPORT, urls=Urls(input=1, failed=1), status={}, errors={"dns": 1}, bytes=0, wall_s=0.0
    )
    text = words(nothing)
    assert "0 of 1 URL" in text and "1 URLs" not in text
    assert not any(word in text for word in ("pages/s", "Latency", "Responses", "Skipped"))


def test_the_summary_says_how_to_resume() -> None:
    text = shown(change(REPORT, urls=Urls(input=9, done=8, pending=1)), 40, "runs/" + "x" * 60)
    assert "1 URL not done yet" in text
    assert f"crawler crawl --run runs/{'x' * 60} --resume\n" in text
    assert "stopped" in text


def test_a_baseline_is_shown_with_its_interval() -> None:
    text = words(change(REPORT, baseline=Baseline(50, 480, 430, 540, 24)))
    assert (
        "it would take 8 min (95 %: 7 min 10 s to 9 min), so this run was 24 × as fast (22 to 27)"
        in text
    )
    assert "measured on 50 URLs" in text
    one = words(change(REPORT, baseline=Baseline(1, 480, 480, 480, 24)))
    assert "95 %:" not in one and "measured on 1 URL." in one


@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_fit_and_end_without_blanks(width: int) -> None:
    for row in shown(REPORT, width, "runs/1").splitlines():
        assert len(row) <= width
        assert row == row.rstrip()


def test_only_terminals_get_colours() -> None:
    assert "\x1b" not in shown(REPORT)
    file = io.StringIO()
    show(REPORT, Console(file=file, width=80, force_terminal=True, color_system="standard"))
    assert "\x1b[" in file.getvalue()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert "Waited 6 min 52 s in total" in plain and "░" not in plain


def test_parts_differ_on_terminals_without_colours() -> None:
    file = io.StringIO()
    show(REPORT, Console(file=file, width=80, force_terminal=True, no_color=True))
    assert "░░░" in file.getvalue()


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (ShardUse(8, 24), "24 sessions of 8 shards"),
        (ShardUse(1, 1, 1), "1 session of 1 shard · 1 session was killed: its times are missing"),
        (ShardUse(8, 24, 2), "24 sessions of 8 shards · 2 sessions were killed: their times are"),
    ],
)
def test_the_sessions_of_shards_are_one_line(use: ShardUse, says: str) -> None:
    (line,) = re.findall(r"^  Shards    (.*)$", shown(change(REPORT, shards=use)), re.MULTILINE)
    assert line.startswith(says)
    assert "Shards" not in shown(REPORT)


def test_a_crawl_that_has_begun_no_shard_names_no_engine() -> None:
    assert "crawler · 64 at a time" in words(change(REPORT, engine="", concurrency=64))


def test_it_says_where_the_pages_of_shards_are() -> None:
    text = words(change(REPORT, shards=ShardUse(8, 24)), run="runs/1")
    assert "Files runs/1 · pages in shards/*/pages.jsonl" in text
    assert "shards/" not in words(REPORT, run="runs/1")


def test_a_crawl_with_urls_on_their_way_is_not_finished() -> None:
    assert "finished" in shown(change(REPORT, shards=ShardUse(8, 24)))
    text = words(change(REPORT, shards=ShardUse(8, 24, on_the_way=7)), run="runs/1")
    assert "stopped" in text
    assert "Left 7 URLs sent to a shard, not yet received resume with: crawler" in text


def test_the_time_of_several_threads_is_drawn_by_its_own_sum() -> None:
    """Of a sharded crawl it is longer than the wall time."""
    budget = TimeBudget(computing=30.0, waiting=90.0)
    text = words(change(REPORT, budget=budget, shards=ShardUse(8, 24)))
    assert "computing 25 %" in text and "waiting 75 %" in text
