from pathlib import Path

import msgspec
import pytest
from support.reports import FAILURE, REPORT, SKIPPED, fetch, write_run

from crawler.metrics.report import Report, Urls
from crawler.model.errors import CrawlerError, FailureKind, StateError, UsageError
from crawler.reporting.html.run_files import EXAMPLES, examples, read_run
from crawler.reporting.html.write import write_html

change = msgspec.structs.replace


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


def test_every_file_of_a_run_is_read(directory: Path) -> None:
    run = read_run(directory)
    assert (run.name, run.report, run.timeline) == ("run", REPORT, [fetch()])
    assert (run.failures, run.skips) == ([FAILURE], [SKIPPED])
    assert run.settings == [("engine", '"curl"'), ("retries", "2")]
    assert ("report.json", (directory / "report.json").stat().st_size) in run.files


def test_a_new_report_replaces_an_older_one(directory: Path) -> None:
    (directory / "report.html").write_text("old")
    assert write_html(directory).read_text("utf-8").startswith("<!doctype html>")
    names = {path.name for path in directory.iterdir()}
    assert "report.html" in names and not any("tmp" in name for name in names)
    assert "report.html" not in dict(read_run(directory).files)


@pytest.mark.parametrize(
    "name", ["timeline.jsonl", "failures.jsonl", "skipped.jsonl", "settings.toml"]
)
def test_a_missing_file_is_named(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(StateError, match=f"{name}: No such file"):
        write_html(directory)


@pytest.mark.promise("P39")
@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("report.json", b"[1]", "report.json: not a file this version wrote"),
        ("report.json", b"\xff\x00", "report.json: not a file this version wrote"),
        ("report.json", b"[" * 100_000, "report.json: not a file this version wrote"),
        ("settings.toml", b"= 3", "settings.toml: not a file this version wrote"),
        ("settings.toml", b"\xff", "settings.toml: not a file this version wrote"),
        ("timeline.jsonl", b'{"url": 3}\n', "timeline.jsonl, line 1: not a record"),
        ("failures.jsonl", msgspec.json.encode(FAILURE) + b"\n{", "failures.jsonl, line 2: not a"),
        ("skipped.jsonl", b"\n", "skipped.jsonl, line 1: not a record"),
    ],
)  # fmt: skip
def test_a_foreign_file_of_a_run_is_refused(
    directory: Path, name: str, text: bytes, says: str
) -> None:
    (directory / name).write_bytes(text)
    with pytest.raises(StateError) as refused:
        write_html(directory)
    assert says in str(refused.value)
    assert not (directory / "report.html").exists()


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such run directory"):
        write_html(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="does not hold a run that has ended"):
        write_html(tmp_path)


def test_a_report_that_cannot_be_written_is_reported(directory: Path) -> None:
    (directory / "report.html.tmp").mkdir()
    with pytest.raises(CrawlerError, match=r"report\.html: Is a directory"):
        write_html(directory)


def many(kind: str, n: int) -> list[tuple[str, str]]:
    return [(kind, f"{kind} {k}") for k in range(n)]


def test_every_kind_has_examples_however_rare() -> None:
    records = [*many("timeout", 5000), *many("dns", 1)]
    chosen = examples(records, {"dns": 1, "timeout": 5000})
    assert len(chosen) == EXAMPLES // 2 + 1
    assert chosen[0] == "timeout 0" and chosen[-1] == "dns 0"


def test_reading_stops_after_enough_examples() -> None:
    records = iter(many("timeout", 5000))
    examples(records, {"timeout": 5000})
    assert len(list(records)) == 5000 - EXAMPLES - 1


def test_a_long_file_makes_no_long_page(tmp_path: Path) -> None:
    failures = [change(FAILURE, url=f"http://a.example/{k}") for k in range(3000)]
    report: Report = change(REPORT, urls=Urls(input=3000, failed=3000), errors={"timeout": 3000})
    text = write_html(write_run(tmp_path / "run", report, failures=failures)).read_text()
    assert text.count("http://a.example/") < EXAMPLES + 10
    assert FailureKind.TIMEOUT in text and "3,000" in text
