"""What all commands share: help, errors and exit codes."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

import crawler.app.execute
from crawler.__main__ import main as program
from crawler.cli import COMMANDS, main
from crawler.cli.imports import uncollected
from crawler.model.errors import StateError, UsageError
from crawler.settings import Settings, options

HEAVY = {"aiohttp", "asyncio", "pycurl", "rich", "selectolax", "ssl", "tornado", "uvloop"}


def run(*argv: str, **changes: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crawler", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **changes)


def test_without_arguments_help_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert all(name in err for name in COMMANDS)


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert all(f"  {name} " in capsys.readouterr().out for name in [*COMMANDS][:1])


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert f"crawler/{capsys.readouterr().out.split()[1]}" == Settings().user_agent


@pytest.mark.parametrize(
    "argv", [["--help"], ["crawl", "--help"], ["crawl"], ["crawl", "--depht=1"]]
)
def test_nothing_heavy_is_imported_early(argv: list[str]) -> None:
    code = (
        "import sys; from crawler.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


_NOT_FOR_A_CRAWL = {"importlib.metadata", "crawler.sinks.warc.writer"}
_NOT_FOR_A_CRAWL |= {"crawler.reporting.html.comparison_page", "statistics"}
"""They take 12 ms to import."""


def test_a_crawl_imports_only_what_it_needs(tmp_path: Path) -> None:
    listed = tmp_path / "urls"
    listed.write_text("no URL\n")
    code = (
        "import gc, sys; from crawler.__main__ import main\n"
        "main()\n"
        f"print(sorted({_NOT_FOR_A_CRAWL!r} & set(sys.modules)))\n"
        "print(gc.isenabled())"
    )
    argv = ["crawl", "--quiet", "--parse", "inline", "--run", tmp_path / "run", listed]
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["[]", "True"], done.stderr


def test_imports_leave_the_collector_as_it_was() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_the_general_help_imports_no_settings() -> None:
    """So it takes at most three times as long as ``python -c pass``."""
    code = (
        "import sys; from crawler.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'crawler.settings', 'msgspec', 'typing'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["crwal"], "crwal is not a command; did you mean crawl?"),
        (["--versoin"], "--versoin is not an option; did you mean --version?"),
        (["crawl"], "nothing to crawl: "),
        (["crawl", "--concurency", "3", "x"], "--concurency is not an option; did you mean --conc"),
        (["crawl", "--concurency=3", "x"], "--concurency is not an option; did you mean --conc"),
        (["crawl", "-x"], "-x is not an option"),
        (["crawl", "--conc", "3", "x"], "--conc is not an option"),
        (["crawl", "--depth"], "--depth: expected one argument"),
        (["crawl", "x", "--retries", "-1"], "--retries must be a whole number from 0 to 100"),
        (["crawl", "x", "--engine", "wget"], "--engine must be one of curl, "),
        (["crawl", "x", "--depth", "1"], "--depth needs --follow"),
        (["crawl", "x", "--config", "nowhere.toml"], "cannot read nowhere.toml: "),
        (["crawl", "x", "--robots=yes"], "--robots/--no-robots: "),
        (["compare"], "nothing to compare: name a URL, a file of URLs, or - for standard input"),
        (["engines", "x"], "x is not an option"),
        (["site", "--pages", "x"], "--pages: invalid int value: 'x'"),
        (["site", "--pages", "-1"], ""),
        (["site", "--port", "99999"], "cannot serve on port 99999: "),
    ],
)
def test_wrong_arguments_end_with_one_sentence(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("crawler: ")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("no such thing"), 2, "crawler: no such thing\n"),
        (StateError("disk full"), 1, "crawler: disk full\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_have_exit_codes(
    error: BaseException,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: Settings, _spawned: object) -> int:
        raise error

    monkeypatch.setattr(crawler.app.execute, "run", fail)
    assert main(["crawl", "x"]) == code
    assert capsys.readouterr().err == says


def test_windows_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert program() == 2
    assert capsys.readouterr().err.startswith("crawler: Windows is not supported")


@pytest.mark.parametrize("argv", [["engines", "--json"], ["crawl", "--help"], ["--version"]])
def test_a_closed_reader_leaves_no_traceback(argv: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "crawler", *argv],
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(theirs)
    assert not done.stderr
    assert done.returncode in (0, 1)  # argparse itself overlooks that nobody reads its help


def test_every_option_is_in_the_help() -> None:
    text = run("crawl", "--help").stdout
    for option in options():
        assert f" {option.flag}" in text
    for group in ("fetching", "politeness", "following", "parsing", "output", "run"):
        assert f"\n{group}:\n" in text


def test_the_module_runs_as_the_program(tmp_path: Path) -> None:
    done = run("crawl", "x", "--scope", "hots", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("did you mean host?\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.promise("P54")
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(5, "Input/output error", "/a/file"), "crawler: /a/file: Input/output error\n"),
        (OSError(28, "No space left on device"), "crawler: No space left on device\n"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: OSError, says: str
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr("crawler.cli.engines.run", fail)
    assert main(["engines"]) == 1
    assert capsys.readouterr().err == says
