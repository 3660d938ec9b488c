"""``crawler compare`` with several parse executors, as a user runs it."""

from functools import partial
from pathlib import Path

import pytest
from support.comparing import Compare, compared, record


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    return partial(compared, tmp_path)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return record(tmp_path_factory.mktemp("recorded"), pages=20, latency=0.01)


def test_every_way_to_parse_runs_with_the_default_engine(
    compare: Compare, recorded: tuple[Path, str]
) -> None:
    archive, urls = recorded
    run = compare(
        *("--replay", archive, "--latency-scale", 0, "--parse", "process,loky,thread,inline"),
        *("--workers", "1,2", "--concurrency", 4, "--repeat", 1, "-"),
        stdin=urls,
    )
    assert run.code == 0, run.err
    found = run.found
    workers = [(name, count) for name in ("process", "loky", "thread") for count in (1, 2)]
    ways = [*workers, ("inline", 0)]
    assert [(each.engine, each.parse, each.workers) for each in found.runs] == [
        ("curl", *way) for way in ways
    ]
    assert found.same_results and found.parity.fair
    for each in found.runs:
        assert each.cpu.fetch_s > 0
        assert (each.cpu.parse_s > 0) is (each.parse != "inline")
    assert len(found.verdict) == 15
    assert all(each.what == "withheld" for each in found.verdict)
    assert "run 1 of 1: process with 2 workers" in run.err
    assert "Comparison of parse executors" in (run.directory / "report.html").read_text()


def test_a_comparison_of_executors_says_what_it_teaches(
    compare: Compare, recorded: tuple[Path, str]
) -> None:
    archive, urls = recorded
    run = compare(
        *("--replay", archive, "--latency-scale", 0.1, "--engines", "curl", "--concurrency", 4),
        *("--parse", "thread,inline", "--workers", 1, "--repeat", 5, "-"),
        stdin=urls,
    )
    assert run.code == 0, run.err
    (note,) = run.found.parsing
    assert note.startswith("thread with 1 worker was ")
    assert note in " ".join(run.out.split())
    (verdict,) = run.found.verdict
    assert [each.parse for each in verdict.pair] == ["thread", "inline"]
    assert verdict.ratio is not None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--parse", "process,fork"), "--parse must be one of process, "),
        (("--parse", "process,none"), "--parse none does not parse, so its results are not those"),
        (("--parse", "inline,thread", "--parser", "no:f"), "--parser no:f"),
        (("--parse", "process", "--workers", "1,0"), "--workers must be a whole number from 1 to"),
        (("--parse", "inline", "--workers", "1,2"), "crawler: --workers "),
        (("--parse", "inline", "--engines", "curl"), "a comparison needs at least two engines, "),
    ],
)
def test_impossible_ways_to_parse_are_refused(
    compare: Compare, arguments: tuple[str, ...], says: str
) -> None:
    run = compare(*arguments, "http://127.0.0.1:9/")
    assert run.code == 2, run.err
    assert says in run.err
    assert not run.directory.exists()
