"""A state that its process has for itself, as on a network file system: no memory is shared."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from support.states import new

from crawler.app.run_dir import begin, resume
from crawler.frontier.entry import Final, State
from crawler.frontier.state.status import read_counts
from crawler.model.errors import StateHeldError, UsageError
from crawler.runs.layout import PROGRESS, STATE, resumed_settings
from crawler.runs.status import status_of
from crawler.settings import Settings

_HOLDS = """
import sys
from pathlib import Path
from crawler.app.run_dir import resume
from crawler.runs.layout import resumed_settings
directory = Path(sys.argv[1])
run = resume(directory, resumed_settings(directory, {}), exclusive=True)
run.store.commit({}, {"sources": "held"})
print("held", flush=True)
sys.stdin.read()
with run:
    run.store.end({}, now=1.0)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    with begin(Settings(run=str(directory)), exclusive=True) as run:
        run.store.add([new(1), new(2), new(3)], lines=3)
        run.store.finish([Final(1, State.DONE, digest=1)])
        run.store.end({}, {"input": "read"}, now=1.0)
    return directory


@contextmanager
def held(directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that has opened the run for itself alone."""
    program = [sys.executable, "-c", _HOLDS, str(directory)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        if process.poll() is None:
            process.communicate(timeout=20)
            assert process.returncode == 0


def test_no_memory_is_shared(directory: Path) -> None:
    with held(directory):
        assert {each.name for each in directory.glob("state.db*")} == {STATE, f"{STATE}-wal"}


def test_readers_get_what_the_process_tells(directory: Path) -> None:
    with held(directory) as process:
        with pytest.raises(StateHeldError, match=r"state\.db: database is locked"):
            read_counts(directory / STATE, wait=0.0)
        found = status_of(directory)
        assert (found.process, found.finished, found.urls.done) == (process.pid, False, 0)
        told = {
            "time": "2026-01-01T00:00:00Z",
            "session": {"started": "2026-01-01T00:00:00Z", "resumed": True, "process": 1,
                        "engine": "curl"},
            "elapsed_s": 1.0, "urls": {"input": 3, "done": 2, "pending": 1}, "total": 3,
            "rate": 1.0, "bytes": 70, "status": {"200": 2}, "errors": {}, "skips": {"robots": 4},
            "io_wait": {}, "budget": {}, "parse_cpu_s": 0.0, "slots": {"used": 0, "most": 1},
            "queues": {}, "resting_hosts": 0, "resting": [], "failures": [],
        }  # fmt: skip
        (directory / PROGRESS).write_bytes(msgspec.json.encode(told))
        found = status_of(directory)
        assert found.progress is not None
        assert (found.urls.done, found.urls.pending, found.bytes) == (2, 1, 70)
        assert (found.running, found.skips, found.hosts) == (True, {"robots": 4}, {})
    found = status_of(directory)
    assert (found.running, found.urls.done, found.hosts) == (False, 1, {"a.example": 2})


def test_a_second_crawl_is_refused(directory: Path) -> None:
    settings = resumed_settings(directory, {})
    with held(directory), pytest.raises(UsageError, match="is being crawled by process"):
        resume(directory, settings)


@pytest.mark.promise("P35")
def test_what_was_committed_before_a_kill_is_there(directory: Path) -> None:
    with held(directory) as process:
        process.kill()
        process.wait()
    for exclusive in (True, False):
        with resume(directory, resumed_settings(directory, {}), exclusive=exclusive) as run:
            assert run.store.facts["sources"] == "held"
            assert (run.store.ended, run.store.pending()) == (None, {"a.example": 2})
