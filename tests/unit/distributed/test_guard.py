"""The guard: it ends what a driver leaves, and no other process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import descendants, ending
from support.worker_engines import IMPORTED

from crawler.distributed.engines.guard import Recorded, end

_DRIVER = """
import subprocess, sys
from pathlib import Path
from crawler.distributed.engines import guard

guard._PATIENCE_S = 0.1
folder = Path(sys.argv[1])
with guard.Guard(folder) as its_guard:
    other = subprocess.Popen(["sleep", "100"])
    shell = "sleep 100 & echo begun; wait"
    daemon = subprocess.Popen(["sh", "-c", shell, folder], stdout=subprocess.PIPE)
    daemon.stdout.readline()
    its_guard.record()
    print(other.pid, flush=True)
    sys.stdin.read()
"""
_STARTED = 4
"""The guard, the other process, the shell and its child."""


@pytest.fixture
def driver(tmp_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A program that has started a daemon, and a process that is not its guard's business."""
    (tmp_path / "of-daemon").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", _DRIVER, tmp_path / "of-daemon"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": IMPORTED},
    ) as process:
        yield process


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "in order"])
def test_daemons_end_with_their_driver(
    is_killed: bool, driver: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    assert driver.stdout is not None and driver.stdin is not None
    other = int(driver.stdout.readline())
    try:
        with ending(driver.pid, _STARTED, but={other}):
            driver.kill() if is_killed else driver.stdin.close()
            driver.wait()
        os.kill(other, 0)
    finally:
        os.kill(other, signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


def test_another_process_with_the_same_id_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "100"]) as process:
        end([Recorded(process.pid, 0)], 0)
        assert process.poll() is None
        process.kill()


def test_a_process_that_ends_in_time_is_not_killed() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()
        end([recorded(process.pid)], 10)
        assert process.wait() == 0


def test_a_process_that_does_not_end_in_time_is_killed() -> None:
    with subprocess.Popen(["sleep", "100"]) as process:
        end([recorded(process.pid)], 0)
        assert process.wait() == -signal.SIGKILL
    assert process.pid not in descendants(os.getpid())


def recorded(pid: int) -> Recorded:
    """As proc(5) has it: field 22, and the second one can have blanks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Recorded(pid, int(fields[22 - 3]))
