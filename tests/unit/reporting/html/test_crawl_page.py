import re
from html import unescape
from pathlib import Path

import msgspec
import pytest
from support.reports import FAILURE, REPORT, SKIPPED, fetch, write_run

from crawler.metrics.report import Connections, IoWait, Report, TimeBudget, Urls
from crawler.reporting.html.write import write_html

change = msgspec.structs.replace
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028\0\u202e\"'"


@pytest.fixture
def html(tmp_path: Path):
    numbers = iter(range(9))

    def make(report: Report = REPORT, **changes: object) -> str:
        directory = tmp_path / str(next(numbers))
        return write_html(write_run(directory, report, **changes)).read_text("utf-8")

    return make


def words(html: str) -> str:
    """What stands on the page, tags away."""
    main = html[html.index("<main>") : html.index("</main>")]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def test_the_verdict_comes_first(html) -> None:
    text = words(html())
    order = [
        "curl, 64 at a time · finished after 20 s",
        "Concurrency: it is. Raise it.",
        "10,412 of 10,500 URLs · 612 MB · 63 failed · 25 skipped",
        "Waited 6 min 52 s in total, 9.1 s of it exposed: overlap 45 ×, 6 min 43 s saved.",
        "521 pages/s · 31 MB/s",
        "130 connections opened · 10,292 requests on a kept one · 12 TLS sessions resumed",
        "Where the time went",
        "naive sum plain sum of latencies, an upper bound 52 min",
        "One request at a time, it would take 8 min (95 %: 7 min 10 s to 9 min)",
        "1 fetch, an even sample of all.",
        "The slowest 1 fetch",
        "median 48 ms · 90 % < 91 ms",
        "http://a.example 1 0 50 ms",
        "timeout 51",
        "http://a.example/gone no answer in 30 s 3",
        "http://a.example/private robots.txt says no",
        "retries 2",
        "timeline.jsonl",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_a_run_without_responses_says_nothing_of_connections(html) -> None:
    assert "Network" not in words(html(change(REPORT, connections=Connections())))


def test_parts_of_the_time_add_up(html) -> None:
    bar = re.findall(r'<svg class="bar".*?</svg>', html())[0]
    widths = [float(width) for width in re.findall(r'width="([\d.]+)%"', bar)]
    starts = [float(start) for start in re.findall(r'x="([\d.]+)%"', bar)]
    assert sum(widths) == pytest.approx(100, abs=0.01)
    assert starts == pytest.approx([sum(widths[:k]) for k in range(len(widths))], abs=0.01)
    assert widths[0] == pytest.approx(100 * 10.8 / 20, abs=0.01)


def test_a_run_without_fetches_has_a_page(html) -> None:
    nothing = change(
        REPORT,
        wall_s=0.0,
        pages_per_s=0.0,
        urls=Urls(input=1, pending=1),
        bytes=0,
        status={},
        errors={},
        skips={},
        io_wait=IoWait(),
        budget=TimeBudget(),
        baseline=None,
    )
    text = words(html(nothing, timeline=[], failures=[], skips=[]))
    for says in (
        "No fetch was made.",
        "Nothing failed.",
        "Nothing was skipped.",
        "No I/O wait was measu",
    ):
        assert says in text
    assert "stopped" in text and "1 left" in text and "Measured baseline" not in text


def test_a_run_whose_fetches_all_failed(html) -> None:
    lost = [fetch(status=None, error="dns")]
    text = words(html(change(REPORT, status={}), timeline=lost))
    assert "No response was received." in text and "Responses per second" not in text


@pytest.mark.promise("P17", "P44")
def test_hostile_input_stays_text(html) -> None:
    made = html(
        change(REPORT, engine=HOSTILE, errors={HOSTILE: 1, "timeout": 1}, status={HOSTILE: 1}),
        timeline=[fetch(f"http://a.example/{HOSTILE}"), fetch(HOSTILE)],
        failures=[change(FAILURE, url=HOSTILE, message=HOSTILE)],
        skips=[change(SKIPPED, url=HOSTILE, message=HOSTILE)],
    )
    assert made.count("<script") == made.count("</script>") == 2
    assert "<img" not in made and "onerror=alert(2)>" not in made
    assert not re.search("[\0\u2028\u202e]", made)
    assert words(made).count("alert(1)") >= 7


def test_the_response_rate_includes_fetches_left_out(html) -> None:
    report = change(REPORT, status={"200": 1000}, wall_s=10.0)
    lines = [fetch(start=k / 10, total=0.05) for k in range(100)]
    text = words(html(report, timeline=lines))
    top = re.search(r"Responses per second ([\d,.]+)/s", text)
    assert top is not None and 90 <= float(top[1].replace(",", "")) <= 130
    assert "100 fetches, an even sample of all." in text
    whole = change(report, status={"200": 100})
    assert "100 fetches. A row" in words(html(whole, timeline=lines))
