"""Parse processes that are suspended, starved, signalled, or whose parent is killed."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from e2e.conftest import Serve, command, environment
from e2e.test_parse_stage import line_count, listed
from e2e.test_signals import start, wait_for_requests
from support.executors import WATCHED
from support.processes import descendants

MARKED = ("--parser", "support.parsers:marked")
watched = pytest.mark.parametrize("parse", WATCHED)


def parsing(pid: int) -> list[int]:
    """The parse processes of a crawl that was started with ``process``: its grandchildren."""
    return [each for each in descendants(pid) if _parent(each) != pid]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


# Time that does not count


@pytest.mark.promise("P50")
@watched
@pytest.mark.parametrize("whom", ["all", "workers"])
def test_a_suspended_machine_costs_no_page(
    serve: Serve, tmp_path: Path, parse: str, whom: str
) -> None:
    """Stopped for more than four times the deadline, while pages are parsed."""
    _, lines = listed(serve, ["burn for me"] * 8)
    (tmp_path / "list").write_text(lines)
    flags = ("--parse", parse, "--parse-timeout", "0.5", "--workers", "2", "--delay", "0")
    process = start(tmp_path, *flags, *MARKED, tmp_path / "list")
    wait_until(lambda: line_count(tmp_path / "run" / "pages.jsonl") >= 1)
    found = parsing(process.pid) if parse == "process" else descendants(process.pid)
    stopped = [process.pid, *found] if whom == "all" else found
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    select.select([], [], [], 2.5)  # this is what is tested: time that passes
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert (tmp_path / "run" / "failures.jsonl").read_text() == ""
    assert line_count(tmp_path / "run" / "pages.jsonl") == 8


@pytest.mark.promise("P50")
def test_a_core_that_others_use_costs_no_page(serve: Serve, tmp_path: Path) -> None:
    """Pages of 0.3 s of CPU, on a core that ten others want: more than four deadlines each."""
    _, lines = listed(serve, ["burn for me"] * 2, latency=1.0)
    (tmp_path / "list").write_text(lines)
    flags = ("--parse-timeout", "0.5", "--workers", "1", *MARKED, tmp_path / "list")
    process = start(tmp_path, *flags)
    wait_until(lambda: parsing(process.pid))
    core = min(os.sched_getaffinity(0))
    for pid in parsing(process.pid):
        os.sched_setaffinity(pid, {core})
    spin = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(10)]
    try:
        _, err = process.communicate(timeout=100)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert process.returncode == 0, err
    assert line_count(tmp_path / "run" / "pages.jsonl") == 2


# Signals


@pytest.mark.promise("P34", "P68")
@watched
@pytest.mark.parametrize("text", ["match me", "sleep for me"])
def test_a_worker_at_a_page_ends_with_its_parent(
    serve: Serve, tmp_path: Path, parse: str, text: str
) -> None:
    _, lines = listed(serve, [text])
    (tmp_path / "list").write_text(lines)
    begun = tmp_path / "begun"
    process = subprocess.Popen(
        command(
            *("crawl", "--quiet", "--run", tmp_path / "run", "--parse", parse),
            *("--parse-timeout", "86400", "--parser", "support.parsers:noted", tmp_path / "list"),
        ),
        cwd=tmp_path,
        env=environment() | {"BEGUN": str(begun)},
        stderr=subprocess.DEVNULL,
    )
    wait_until(begun.exists)
    watches = [os.pidfd_open(each) for each in descendants(process.pid)]
    assert len(watches) >= 3
    process.kill()
    process.wait()
    _all_end(watches, 2.0)


@pytest.mark.long
@pytest.mark.promise("P34", "P68")
@watched
def test_fifty_killed_parents_leave_no_process(serve: Serve, tmp_path: Path, parse: str) -> None:
    texts = ["sleep for me", "match me", *("x" * 20_000 for _ in range(300))]
    _, lines = listed(serve, texts, latency=0.002)
    (tmp_path / "list").write_text(lines)
    moments = random.Random(7)
    for number in range(50):
        process = subprocess.Popen(
            command(
                *("crawl", "--quiet", "--run", tmp_path / f"run{number}", "--parse", parse),
                *("--parse-timeout", "86400", "--delay", "0", *MARKED, tmp_path / "list"),
            ),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        select.select([], [], [], moments.uniform(0.0, 1.5))  # a moment at random
        watches = [os.pidfd_open(each) for each in descendants(process.pid)]
        process.kill()
        process.wait()
        _all_end(watches, 2.0)


def _all_end(watches: Sequence[int], seconds: float) -> None:
    until = time.monotonic() + seconds
    for watch in watches:
        left = max(0.0, until - time.monotonic())
        assert select.select([watch], [], [], left)[0], f"alive after {seconds:g} s"
        os.close(watch)


@pytest.mark.promise("P36")
@watched
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_finishes_what_is_in_flight(
    serve: Serve, tmp_path: Path, parse: str, number: signal.Signals
) -> None:
    """Ctrl-C and timeout(1) signal the whole group."""
    site, lines = listed(serve, ["x"] * 100, latency=0.2)
    (tmp_path / "list").write_text(lines)
    process = subprocess.Popen(
        command(
            *("crawl", "--run", tmp_path / "run", "--parse", parse, "--concurrency", "4"),
            *("--no-robots", "--delay", "0", tmp_path / "list"),
        ),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_requests(site, 8)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    # Warnings are errors here, so loky's tracker shows a traceback if a semaphore is gone already.
    is_tracker = parse == "loky" and "resource_tracker" in err
    assert err.count("Traceback") == 2 * is_tracker
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["urls"]["done"] == len(site.seen) == line_count(tmp_path / "run" / "pages.jsonl")
    assert report["urls"]["failed"] == report["lost_workers"] == 0


@watched
def test_a_long_folder_for_temporary_files_is_no_obstacle(
    serve: Serve, tmp_path: Path, parse: str
) -> None:
    """A socket has a path of at most 107 bytes."""
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    _, lines = listed(serve, ["x"] * 3)
    (tmp_path / "list").write_text(lines)
    done = subprocess.run(
        command("crawl", "--quiet", "--run", tmp_path / "run", "--parse", parse, tmp_path / "list"),
        cwd=tmp_path,
        env=environment() | {"TMPDIR": str(deep)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert line_count(tmp_path / "run" / "pages.jsonl") == 3
    assert not list(deep.iterdir())


def test_a_killed_crawler_leaves_no_temporary_file(serve: Serve, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    _, lines = listed(serve, ["sleep for me"])
    (tmp_path / "list").write_text(lines)
    process = subprocess.Popen(
        command("crawl", "--quiet", "--run", tmp_path / "run", *MARKED, tmp_path / "list"),
        cwd=tmp_path,
        env=environment() | {"TMPDIR": str(temporary)},
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: parsing(process.pid))
    process.kill()
    process.wait()
    wait_until(lambda: not list(temporary.iterdir()), 5.0)
