"""The benchmarks: their arithmetic, and that they refuse to measure what was done wrong."""

import sys
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
from support import needs

from crawler.parsing.html import read_facts

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
program = import_module("benchmarks.__main__")
records = import_module("benchmarks.records")
runs = import_module("benchmarks.runs")
table = import_module("benchmarks.table")
web = import_module("benchmarks.web")

A, B = "http://127.0.0.1/a", "http://127.0.0.1/b"
EXPECTED = {A: records.Facts("d1", 2), B: records.Facts("d2")}
ONE = runs.Pair(1.0)
RIGHT = (records.Record(A, "d1", ("x", "y")), records.Record(B, "d2", ("x",)))


def write(path, found):
    path.write_bytes(msgspec.json.Encoder().encode_lines(found))
    return path


def judged(kind, *pairs):
    goal = runs.Goal(kind, most=1)
    spread = goal.measure([runs.Pair(*pair) for pair in pairs])
    return spread.low, spread.median, spread.high


def test_ratios_are_made_pair_by_pair():
    # The ratio of the medians would be 20 / 20.
    assert judged("ratio", (10, 20), (20, 10), (30, 40)) == (0.5, 0.75, 2)


def test_differences_are_made_pair_by_pair():
    assert judged("difference", (10, 20), (20, 10), (30, 25)) == (-10, 5, 10)


def test_a_value_needs_no_reference():
    assert judged("value", (3,), (1,), (8,), (5,)) == (1, 4, 8)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "text"),
    [
        ({"least": 0.6}, (0.6, 9), (0.59,), "≥ 0.6"),
        ({"most": 200}, (200, 0), (200.1,), "≤ 200"),
        ({"least": 0.9, "most": 1.1}, (0.9, 1.1), (0.89, 1.11), "0.9 to 1.1"),
    ],
)
def test_bounds_are_part_of_the_goal(bounds, inside, outside, text):
    goal = runs.Goal("ratio", **bounds)
    assert all(map(goal.reached, inside))
    assert not any(map(goal.reached, outside))
    assert str(goal) == text


def test_what_is_measured_alternates():
    order = []
    pairs = runs.alternate(lambda: order.append("A") or 1, lambda: order.append("B") or 2, 3)
    assert "".join(order) == "ABBAAB"
    assert pairs == (runs.Pair(1, 2),) * 3


def test_start_up_drops_out_of_a_slope_and_stays_in_what_is_scaled():
    start_up, each = 5.0, 0.25
    small, large = ((n, start_up + n * each) for n in (1, 101))
    assert runs.slope(small, large) == pytest.approx(each)
    assert runs.extrapolate(small, large, 1001) == pytest.approx(start_up + 1001 * each)


def test_the_cpu_of_descendants_counts():
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    taken = runs.run([sys.executable, "-S", "-c", parent])
    assert taken.cpu >= 0.2
    assert taken.wall >= 0.2


def test_a_command_that_fails_is_refused_with_its_last_words():
    with pytest.raises(runs.Refused, match=r"exit code 3: it broke$"):
        runs.run(["/bin/sh", "-c", "echo first >&2; echo it broke >&2; exit 3"])


def test_right_records_are_accepted(tmp_path):
    records.check(write(tmp_path / "right", RIGHT[::-1]), EXPECTED)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (RIGHT[:1], "1 records"),
        ((*RIGHT, RIGHT[0]), "3 records"),
        ((RIGHT[0], RIGHT[0]), "nothing about http://127.0.0.1/b"),
        ((RIGHT[0], records.Record(B, "d1")), "another digest"),
        ((records.Record(A, "d1", ("x",)), RIGHT[1]), "1 links, not 2"),
    ],
)
def test_wrong_records_are_refused(tmp_path, found, why):
    with pytest.raises(runs.Refused, match=why):
        records.check(write(tmp_path / "wrong", found), EXPECTED)


def test_a_torn_line_is_refused(tmp_path):
    path = write(tmp_path / "torn", RIGHT)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(runs.Refused):
        records.check(path, EXPECTED)


def test_no_output_at_all_is_refused(tmp_path):
    with pytest.raises(runs.Refused):
        records.check(tmp_path / "nothing", EXPECTED)


@pytest.mark.parametrize(("value", "verdict"), [(3.0, "reached"), (1.0, "missed")])
def test_a_figure_says_whether_it_was_reached(value, verdict):
    case = runs.Case("c", "pages/s", runs.Goal("ratio", least=1), lambda: None, "said")
    figure = table.figure("s", case, runs.Measured([runs.Pair(value, 2.0)], "seen"))
    assert (figure.verdict, figure.value, figure.reference) == (verdict, value, 2)
    assert figure.ratio.median == value / 2
    assert figure.note == "said; seen"


def refuse():
    raise runs.Refused("another digest")


def without_nginx(_bench):
    yield runs.Case("refused", "s", runs.Goal("value", most=1), refuse)
    yield runs.Case("measured", "s", runs.Goal("value", most=1), lambda: runs.Measured([ONE]))
    raise needs.Missing("needs nginx")


def test_what_is_refused_or_missing_becomes_a_line_and_the_others_go_on(tmp_path, monkeypatch):
    monkeypatch.setitem(program.SCENARIOS, "made up", without_nginx)
    figures = list(program.measure("made up", runs.Bench(tmp_path)))
    assert [(each.verdict, each.note) for each in figures] == [
        ("refused", "another digest"),
        ("reached", ""),
        ("skipped", "needs nginx"),
    ]
    told = msgspec.json.decode(table.to_json(figures, quick=True, repeat=1))
    assert [each["verdict"] for each in told["figures"]] == ["refused", "reached", "skipped"]
    assert told["figures"][1]["value"] == 1


def test_made_up_pages_are_the_same_each_time_and_have_the_links_they_say():
    body, links = web.list_page(7, 7_000, 10_000)
    assert (body, links) == web.list_page(7, 7_000, 10_000)
    assert 7_000 <= len(body) < 7_500
    tree = import_module("selectolax.lexbor").LexborHTMLParser(body)
    facts = read_facts(tree, "http://127.0.0.1/7.html")
    assert (facts.title, len(facts.links)) == ("Page 7", links)
