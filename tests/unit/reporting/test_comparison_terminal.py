"""A comparison on a terminal."""

from io import StringIO

import msgspec
from rich.console import Console
from support.comparisons import COMPARISON, WAYS

from crawler.metrics.comparison import Comparison
from crawler.metrics.simultaneous import Simultaneous
from crawler.reporting.comparison_terminal import show


def shown(comparison: Comparison) -> list[str]:
    text = StringIO()
    show(comparison, Console(file=text, width=100, highlight=False), "runs/x")
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_engines_are_shown_without_ways_to_parse() -> None:
    lines = shown(COMPARISON)
    assert "  Use --engine curl --concurrency 64: it was the fastest." in lines
    heads = ["engine", "at", "pages/s", "95", "%", "CPU", "s/1000", "MB", "overlap", "errors"]
    assert heads in [line.split() for line in lines]
    assert "Parsing" not in " ".join(lines)


def test_ways_to_parse_are_shown_with_what_they_teach() -> None:
    lines = shown(WAYS)
    use = "Use --engine curl --concurrency 64 --parse process --workers 2: it was the fastest."
    assert f"  {use}" in lines
    at = lines.index("  Parsing")
    assert lines[at + 1] == "  · process with 2 workers was 1.70 times as fast as inline."
    heads, first, second = lines[at + 3 : at + 6]
    assert heads.split()[:3] == ["parsing", "workers", "pages/s"]
    assert first.split()[:3] == ["process", "2", "490"]
    assert second.split()[:2] == ["inline", "490"]
    assert "cores" in heads and "1.71" in first and "0.98" in second


def test_the_model_names_processes_only_where_some_parse() -> None:
    inline = msgspec.structs.replace(WAYS.summary[1], model=Simultaneous(90.0, 2.0, 2.0, 0, 2))
    text = " ".join(" ".join(shown(msgspec.structs.replace(WAYS, summary=(inline,)))).split())
    assert "overlapped, at best 2 s. Limited by itself" in text
