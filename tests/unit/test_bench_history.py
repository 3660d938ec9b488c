"""The history of the benchmarks: what is kept of a run, and what of it became slower."""

import sys
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
history = import_module("benchmarks.history")
machine = import_module("benchmarks.machine")
program = import_module("benchmarks.__main__")
runs = import_module("benchmarks.runs")
table = import_module("benchmarks.table")

HERE = machine.Machine("2026-12-01T10:00:00+00:00", "3.11.7", "Linux", "A CPU", 2, 0.5, {})


def measured(ratio, **changes):
    spread = runs.Spread(ratio / 2, ratio, ratio * 2)
    whole = {"unit": "pages/s", "value": 3_000.0, "ratio": spread, "better": "more", **changes}
    return table.Figure("list", "beside a bare loop", "reached", **whole)


def told(*figures, quick=False, against=None, **changes):
    here = msgspec.structs.replace(HERE, **changes)
    return table.Told(here, "c0ffee", against, quick, 3, figures)


def verdicts(ratios, **changes):
    found = history.trends([told(measured(ratio, **changes)) for ratio in ratios])
    return [each.verdict for each in found]


@pytest.mark.parametrize(
    ("last", "more", "less", "near"),
    [
        (0.49, "slower", "faster", "moved"),
        (0.50, "within", "within", "within"),
        (0.60, "within", "within", "within"),
        (0.61, "faster", "slower", "moved"),
    ],
)
def test_what_lies_outside_the_earlier_range_is_marked(last, more, less, near):
    ratios = (0.55, 0.50, 0.60, last)
    assert verdicts(ratios, better="more") == [more]
    assert verdicts(ratios, better="less") == [less]
    assert verdicts(ratios, better="near") == [near]


def test_the_range_of_two_is_too_narrow_to_judge_by():
    assert verdicts((0.5, 0.6, 0.1)) == ["too few"]
    assert verdicts((0.5,)) == ["too few"]


def test_the_last_is_beside_the_median_of_those_before():
    (trend,) = history.trends([told(measured(ratio)) for ratio in (0.5, 0.9, 0.6, 0.7)])
    assert (trend.last, trend.count) == (0.7, 3)
    assert trend.earlier == runs.Spread(0.5, 0.6, 0.9)


def test_without_a_reference_the_value_is_judged():
    value = measured(1.0)
    alone = [msgspec.structs.replace(value, ratio=None, value=x) for x in (5.0, 6.0, 7.0, 4.0)]
    (trend,) = history.trends(map(told, alone))
    assert (trend.last, trend.verdict) == (4.0, "slower")


def test_what_was_refused_is_no_figure():
    refused = table.Figure("list", "beside a bare loop", "refused", note="another digest")
    series = [told(measured(ratio)) for ratio in (0.5, 0.6, 0.7)]
    (trend,) = history.trends([*series, told(refused), told(measured(0.4))])
    assert (trend.count, trend.verdict) == (3, "slower")


def test_only_what_was_measured_alike_is_compared():
    here = told(measured(0.5))
    others = [
        told(measured(0.9), cpu="Another CPU"),
        told(measured(0.9), cores=64),
        told(measured(0.9), quick=True),
        told(measured(0.9), against="c0ffee"),
    ]
    assert history.comparable([*others, here]) == [here]
    assert history.comparable([here, others[-1]]) == [here]
    assert history.comparable([]) == []


@given(st.lists(st.floats(0.01, 100), min_size=4, max_size=20))
def test_better_upwards_is_worse_downwards(ratios):
    opposite = {"slower": "faster", "faster": "slower", "within": "within"}
    (more,) = verdicts(ratios, better="more")
    (less,) = verdicts([1 / ratio for ratio in ratios], better="more")
    assert less == opposite[more]


def test_each_run_adds_a_line(tmp_path):
    path = tmp_path / "history.jsonl"
    both = [told(measured(0.5)), told(measured(0.6))]
    for each in both:
        history.append(path, each)
    assert path.read_bytes().count(b"\n") == 2
    assert history.read(path) == both


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "history.jsonl"
    history.append(path, told(measured(0.5)))
    path.write_bytes(path.read_bytes() + b'{"machine":\n')
    with pytest.raises(runs.Refused, match=r"history\.jsonl: line 2: "):
        history.read(path)
    with pytest.raises(runs.Refused, match="No such file"):
        history.read(tmp_path / "nothing")


@pytest.mark.parametrize(("last", "code"), [(0.55, 0), (0.3, 1)])
def test_a_slow_down_is_shown_and_is_the_exit_code(tmp_path, monkeypatch, capsys, last, code):
    path = tmp_path / "history.jsonl"
    for ratio in (0.5, 0.6, 0.55, last):
        history.append(path, told(measured(ratio)))
    history.append(path, told(measured(0.01), against="c0ffee"))
    monkeypatch.setattr(sys, "argv", ["bench", "--trend", str(path)])
    assert program.main() == code
    shown = capsys.readouterr().out
    assert "1 other runs left out" in shown
    assert ("slower" in shown.splitlines()[-2]) == bool(code)
    assert "0.55 (0.5 to 0.6)" in shown


def test_a_run_writes_its_figures_and_its_machine(tmp_path, monkeypatch):
    def scenario(_bench):
        goal = runs.Goal("ratio", least=0.5)
        pairs = (runs.Pair(1.0, 2.0), runs.Pair(3.0, 4.0), runs.Pair(8.0, 9.0))
        yield runs.Case("three pairs", "pages/s", goal, lambda: runs.Measured(pairs))

    path, out = tmp_path / "history.jsonl", tmp_path / "bench.json"
    monkeypatch.setattr(program, "SCENARIOS", {"made up": scenario})
    monkeypatch.setattr(sys, "argv", ["bench", "--history", str(path), "--json", str(out)])
    assert program.main() == 0
    (line,) = history.read(path)
    assert msgspec.json.decode(out.read_bytes(), type=table.Told) == line
    (figure,) = line.figures
    assert (figure.values, figure.references) == (runs.Spread(1, 3, 8), runs.Spread(2, 4, 9))
    assert (figure.ratio.median, figure.better) == (0.75, "more")
    assert line.machine.cores >= 1
    assert line.machine.cpu
    assert line.machine.versions["pycurl"]


def test_the_processor_is_named_as_the_kernel_does(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nmodel\t\t: 143\nmodel name\t: Some CPU @ 2.00GHz: fast\n")
    assert machine.cpu_model(path) == "Some CPU @ 2.00GHz: fast"
    path.write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert machine.cpu_model(path)
