"""``crawler report``."""

from pathlib import Path

import pytest
from support.reports import write_run

from crawler.cli import report
from crawler.cli.parser import Parser
from crawler.model.errors import UsageError


def run(*argv: str) -> int:
    parser = Parser("crawler report", "")
    report.add_arguments(parser)
    return report.run(parser.read(argv))


def test_the_written_report_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = write_run(tmp_path / "run")
    assert run(str(directory)) == 0
    assert capsys.readouterr().out == f"{directory}/report.html\n"
    assert (directory / "report.html").exists()


@pytest.mark.parametrize("shown", [True, False])
def test_open_shows_the_report(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shown: bool,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or shown)
    monkeypatch.chdir(tmp_path)
    write_run(Path("a run"))
    assert run("a run", "--open") == 0
    assert opened == [f"file://{tmp_path}/a%20run/report.html"]
    assert bool(capsys.readouterr().err) is not shown


def test_report_needs_a_directory() -> None:
    with pytest.raises(UsageError, match="RUN"):
        run()
