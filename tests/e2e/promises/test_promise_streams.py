"""Standard streams that are closed, full or without a reader."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from e2e.conftest import Serve, command, environment, html
from e2e.test_signals import wait_for_requests
from support.processes import PATIENCE

from crawler.localweb.server import SILENCE, Answer, Server

Ended = Callable[..., "subprocess.CompletedProcess[bytes]"]
CLOSED = "crawler: standard output is closed\n"
FULL = "crawler: standard output: No space left on device\n"
SOME_CLOSED = (
    *(">&-", "<&- >&- 2>&-"),
    *(pytest.param(each, marks=pytest.mark.long) for each in ("<&-", "2>&-", "<&- >&-")),
    *(pytest.param(each, marks=pytest.mark.long) for each in ("<&- 2>&-", ">&- 2>&-")),
)
"""Every set of closed streams, as a shell writes it."""
UNUSABLE: tuple[tuple[str, tuple[str, ...], int, str], ...] = (
    (">&-", ("crawl", "--out", "-", "URL"), 2, CLOSED),
    ("<&- >&- 2>&-", ("crawl", "--out", "-", "URL"), 2, ""),
    (">&-", ("crawl", "--json", "URL"), 2, CLOSED),
    (">&-", ("crawl", "--quiet", "--json", "URL"), 2, CLOSED),
    ("<&-", ("crawl", "-"), 2, "crawler: -: standard input is closed\n"),
    ("<&- >&- 2>&-", ("crawl", "-"), 2, ""),
    (">&-", ("engines", "--json"), 2, CLOSED),
    (">&-", ("--version",), 2, CLOSED),
    (">&-", ("status", "run"), 2, CLOSED),
    (">/dev/full", ("--version",), 1, FULL),
    (">/dev/full", ("crawl", "--out", "-", "URL"), 1, FULL),
    (">/dev/full 2>/dev/full", ("crawl", "--out", "-", "URL"), 1, ""),
    ("2>&-", ("crawl", "--depht", "1"), 2, ""),
    ("2>/dev/full", ("crawl", "--depht", "1"), 2, ""),
)
"""Streams, arguments, exit code, and what standard error says where the stream was needed."""
TOLD: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("2>/dev/full", (), 0),
    ("2>/dev/full", ("--log", "debug"), 0),
    ("2>/dev/full", ("--log", "debug", "--log-json", "--quiet"), 0),
    ("2>/dev/full >/dev/full", ("--parse", "process"), 0),
    (">/dev/full", (), 0),
    ("2>/dev/full", ("--strict", "URL/missing"), 3),
    ("2>&-", ("--strict", "URL/missing"), 3),
)
"""Streams, options, and the exit code that the crawl has with any streams."""
FEW = ("<&- >&- 2>&-", "2>/dev/full")
"""One of each kind, for what takes longer."""
USUAL = ("crawl", "--no-robots", "--parse", "inline", "--run", "run")


@pytest.fixture
def site(serve: Serve) -> Server:
    return serve({"/": html("<title>x</title>"), "/slow": Answer(script=(SILENCE,))})


@pytest.fixture
def ended(site: Server, tmp_path: Path) -> Ended:
    """Run the program with the streams that a shell redirects so; URL stands for the site."""

    def run(
        redirected: str, arguments: Sequence[str], *before: str
    ) -> "subprocess.CompletedProcess[bytes]":
        given = [*before, *(each.replace("URL/", site.url("/")) for each in arguments)]
        given = [site.url("/") if each == "URL" else each for each in given]
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirected}', "sh", *command(*given)],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run


def is_whole(run: Path, site: Server) -> bool:
    """Whether the page of ``site`` is there, and nothing but records is in the files of the run."""
    (page,) = map(json.loads, (run / "pages.jsonl").read_bytes().splitlines())
    is_database = (run / "state.db").read_bytes().startswith(b"SQLite format 3\x00")
    return is_database and page["url"] == site.url("/")


@pytest.mark.promise("P94")
@pytest.mark.parametrize("closed", SOME_CLOSED)
def test_a_crawl_runs_with_closed_streams(
    ended: Ended, site: Server, tmp_path: Path, closed: str
) -> None:
    done = ended(closed, ["URL"], *USUAL)
    assert done.returncode == 0
    assert is_whole(tmp_path / "run", site)


@pytest.mark.promise("P94")
def test_pages_on_standard_output_need_no_other_stream(ended: Ended, site: Server) -> None:
    done = ended("<&- 2>&-", ["--out", "-", "URL"], *USUAL)
    assert done.returncode == 0
    assert json.loads(done.stdout)["url"] == site.url("/")


@pytest.mark.promise("P94", "P99")
@pytest.mark.parametrize(("streams", "arguments", "code", "says"), UNUSABLE)
def test_a_stream_that_is_needed_is_missed_in_one_sentence(
    ended: Ended, streams: str, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = ended(streams, arguments)
    assert done.returncode == code
    assert done.stderr.decode() == says


@pytest.mark.promise("P99")
@pytest.mark.parametrize(("streams", "options", "code"), TOLD)
def test_what_cannot_be_told_does_not_change_the_exit_code(
    ended: Ended, site: Server, tmp_path: Path, streams: str, options: tuple[str, ...], code: int
) -> None:
    assert ended(streams, [*options, "URL"], *USUAL).returncode == code
    assert is_whole(tmp_path / "run", site)


@pytest.mark.promise("P99")
@pytest.mark.parametrize("options", [(), ("--log", "debug")])
def test_a_reader_of_messages_that_has_gone_does_not_end_a_crawl(
    site: Server, tmp_path: Path, options: tuple[str, ...]
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    crawl = command(*USUAL, *options, site.url("/"))
    try:
        done = subprocess.run(crawl, cwd=tmp_path, env=environment(), stderr=theirs, timeout=60)
    finally:
        os.close(theirs)
    assert done.returncode == 0
    assert is_whole(tmp_path / "run", site)


@pytest.mark.promise("P99")
@pytest.mark.parametrize("streams", FEW)
def test_an_interrupt_that_cannot_be_told_ends_the_crawl(
    site: Server, tmp_path: Path, streams: str
) -> None:
    crawl = command(*USUAL, site.url("/slow"))
    with subprocess.Popen(
        ["sh", "-c", f'exec "$@" {streams}', "sh", *crawl], cwd=tmp_path, env=environment()
    ) as process:
        wait_for_requests(site, 1)
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.5)  # so that the second signal is another one
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130


@pytest.mark.promise("P99")
def test_pages_that_did_not_fit_are_written_by_a_resume(ended: Ended, tmp_path: Path) -> None:
    assert ended(">/dev/full", ["--out", "-", "URL"], *USUAL).returncode == 1
    again = ended("", ["--resume"], "crawl", "--run", "run")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count(b"\n") == 1


@pytest.mark.promise("P99")
def test_commands_fail_only_where_their_output_was_asked_for(ended: Ended) -> None:
    assert ended("", ["URL"], *USUAL).returncode == 0
    codes = {
        (name, streams): ended(streams, [name, "run"]).returncode
        for name in ("report", "status")
        for streams in (">/dev/full", ">&-", "2>/dev/full")
    }
    assert codes == {
        ("report", ">/dev/full"): 0,  # the report is a file; its path is only told
        ("report", ">&-"): 0,
        ("report", "2>/dev/full"): 0,
        ("status", ">/dev/full"): 1,
        ("status", ">&-"): 2,
        ("status", "2>/dev/full"): 0,
    }


@pytest.mark.promise("P94")
def test_a_parser_may_print_to_closed_streams(ended: Ended, site: Server, tmp_path: Path) -> None:
    prints = (
        "import sys\n\ndef parse(page):\n    print('x' * 20_000)\n    print(1, file=sys.stderr)\n"
    )
    (tmp_path / "printing.py").write_text(prints)
    done = ended("<&- >&- 2>&-", ["--parser", "printing:parse", "URL"], *USUAL)
    assert done.returncode == 0
    assert is_whole(tmp_path / "run", site)


@pytest.mark.promise("P94", "P99")
@pytest.mark.long
@pytest.mark.parametrize("streams", [*FEW, ">/dev/full 2>/dev/full"])
def test_a_comparison_needs_no_stream(ended: Ended, streams: str) -> None:
    options = ["--engines", "curl,threads", "--parse", "none", "--repeat", "1", "--no-robots"]
    assert ended(streams, ["compare", *options, "URL"]).returncode == 0


@pytest.mark.promise("P94")
@pytest.mark.long
@pytest.mark.parametrize("parse", ["process", "loky", "thread"])
@pytest.mark.parametrize("streams", FEW)
def test_parsers_need_no_stream(
    ended: Ended, site: Server, tmp_path: Path, streams: str, parse: str
) -> None:
    options = ("crawl", "--no-robots", "--run", "run", "--parse", parse)
    assert ended(streams, ["URL"], *options).returncode == 0
    assert is_whole(tmp_path / "run", site)
