"""The directory of a run: begun whole or not at all, crawled by one process, and gone on with."""

import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from crawler.app import run_dir
from crawler.app.run_dir import Lock, Run, begin, resume
from crawler.frontier.state.store import Store
from crawler.model.errors import StateError, UsageError
from crawler.runs.layout import (
    LOCK,
    SETTINGS,
    STATE,
    check_is_whole,
    is_locked,
    resumed_settings,
    shard_directory,
)
from crawler.settings import Settings

URL = "http://a.example/"


def resumed_run(directory: Path, flags: Mapping[str, object]) -> Run:
    return resume(directory, resumed_settings(directory, flags))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "run"


def begun(directory: Path, **options: object) -> None:
    """A run that was begun, and its process has ended."""
    with begin(Settings(sources=(URL,), run=str(directory), **options)):  # type: ignore[arg-type]
        pass


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_new_run_has_settings_state_and_lock(directory: Path) -> None:
    settings = Settings(sources=(URL,), run=str(directory), concurrency=7)
    with begin(settings, {"sources": "of a list"}) as run:
        assert (run.directory, run.resumed, run.settings) == (directory, False, settings)
        assert run.store.facts == {"sources": "of a list"}
        assert names(directory) >= {STATE, SETTINGS, LOCK}
        assert names(directory.parent) == {"run"}, "nothing is left of how it was made"
        assert is_locked(directory)
    assert not is_locked(directory)
    with resumed_run(directory, {}) as again:
        assert (again.resumed, again.settings.concurrency) == (True, 7)
        assert again.store.facts == {"sources": "of a list"}


def test_secrets_are_not_written_to_the_run(directory: Path) -> None:
    begun(directory, auth=("a.example=user:s3cret",), header=("X-Key: s3cret",))
    for path in directory.iterdir():
        assert b"s3cret" not in path.read_bytes()
    assert "<secret>" in (directory / SETTINGS).read_text()
    assert stat.S_IMODE((directory / STATE).stat().st_mode) == 0o600


def test_the_login_of_a_broker_is_not_written_to_the_run(directory: Path) -> None:
    begun(directory, on="celery+redis://user:s3cret@broker.example:6379/0")
    for path in directory.iterdir():
        assert b"s3cret" not in path.read_bytes()
    assert resumed_settings(directory, {}).on == "celery+redis://broker.example:6379/0"


def test_a_resume_has_its_workers_from_the_environment(directory: Path) -> None:
    """With a login, the address should not be an argument, which other users can see."""
    begun(directory, on="celery+redis://user:s3cret@broker.example/0")
    variables = {"CRAWLER_ON": "celery+redis://user:changed@broker.example/0"}
    assert resumed_settings(directory, {}, variables).on == variables["CRAWLER_ON"]
    assert resumed_settings(directory, {"on": "local"}, variables).on == "local"


def test_a_run_that_is_not_sharded_has_no_workers_from_the_environment(directory: Path) -> None:
    begun(directory)
    assert resumed_settings(directory, {}, {"CRAWLER_ON": "local"}).on is None


def test_unnamed_runs_have_different_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_dir.time, "strftime", lambda _: "20260101-000000")
    for _ in range(3):
        with begin(Settings(sources=(URL,))):
            pass
    assert names(tmp_path / "runs") == {
        "20260101-000000",
        "20260101-000000-2",
        "20260101-000000-3",
    }


def test_an_existing_directory_is_not_overwritten(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "pages.jsonl").write_text("mine")
    with pytest.raises(UsageError, match=r"is not overwritten$"):
        begun(directory)
    assert names(directory) == {"pages.jsonl"}
    assert names(directory.parent) == {"run"}


def test_an_existing_run_is_refused_naming_resume(directory: Path) -> None:
    begun(directory)
    before = (directory / STATE).read_bytes()
    with pytest.raises(UsageError, match="not overwritten; use --resume to resume it"):
        begun(directory)
    assert (directory / STATE).read_bytes() == before


@pytest.mark.promise("P37")
@pytest.mark.parametrize("step", ["write_settings", "commit", "rename"])
def test_a_run_that_cannot_begin_leaves_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    where: tuple[object, str] = {
        "write_settings": (run_dir, "write_settings"),
        "commit": (Store, "commit"),
        "rename": (Path, "rename"),
    }[step]
    with monkeypatch.context() as broken:
        broken.setattr(*where, fail)
        with pytest.raises(StateError, match=r"deep/run: No space left on device"):
            begun(directory)
    assert names(directory.parent) == set()
    begun(directory)


_KILLED = """
import os, signal, sys
from pathlib import Path
from crawler.app import run_dir
from crawler.frontier.state.store import Store
from crawler.settings import Settings
name = sys.argv[2]
def kill(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
owner = Path if name == "rename" else run_dir if hasattr(run_dir, name) else Store
if name == "mkdir":
    made = Path.mkdir
    Path.mkdir = lambda *a, **k: (made(*a, **k), kill())
else:
    setattr(owner, name, kill)
run_dir.begin(Settings(sources=("http://a.example/",), run=sys.argv[1]))
"""


@pytest.mark.promise("P35")
@pytest.mark.parametrize("step", ["mkdir", "Lock", "write_settings", "create", "commit", "rename"])
def test_a_kill_while_beginning_leaves_no_run(directory: Path, step: str) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, directory, step], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not directory.exists()
    with pytest.raises(UsageError, match="there is no run"):
        resumed_run(directory, {})
    begun(directory)
    assert names(directory.parent) == {"run"}


@pytest.mark.promise("P35")
def test_an_old_beginning_is_not_reused(directory: Path) -> None:
    stale = directory.with_name(".run.beginning")
    stale.mkdir(parents=True)
    with begin(Settings(sources=(URL,), run=str(directory.with_name("other")))) as other:
        other.store.commit({"pages": 7}, {"old": "yes"})
        for path in other.directory.glob("state.db*"):
            (stale / path.name).write_bytes(path.read_bytes())
    (stale / "pages.jsonl").write_text("old")
    assert names(stale) == {"state.db", "state.db-wal", "state.db-shm", "pages.jsonl"}
    begun(directory)
    with resumed_run(directory, {}) as run:
        assert (run.store.facts, run.store.offsets) == ({}, {})
        assert "pages.jsonl" not in names(directory)


@pytest.mark.promise("P38")
def test_a_second_crawl_in_one_process_is_refused(directory: Path) -> None:
    with begin(Settings(sources=(URL,), run=str(directory))):
        with pytest.raises(UsageError, match=f"being crawled by process {os.getpid()}"):
            resumed_run(directory, {})
        assert is_locked(directory)
    with resumed_run(directory, {}):
        pass


def _outcome(directory: Path, answers: "multiprocessing.SimpleQueue[str]") -> None:
    try:
        with resumed_run(directory, {}):
            pass
        answers.put("went on")
    except UsageError as error:
        answers.put(str(error))


@pytest.mark.promise("P38")
def test_a_second_crawl_in_another_process_is_refused(directory: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()

    def ask() -> str:
        process = context.Process(target=_outcome, args=(directory, answers))
        process.start()
        process.join()
        return str(answers.get())

    with begin(Settings(sources=(URL,), run=str(directory))):
        assert ask() == f"{directory}: is being crawled by process {os.getpid()}"
    assert ask() == "went on"


_HOLDS = """
import sys, time
from pathlib import Path
from crawler.app.run_dir import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.promise("P38")
def test_a_lock_ends_with_a_killed_process(directory: Path) -> None:
    begun(directory)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, directory], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(directory)
        with pytest.raises(UsageError, match=f"by process {holder.pid}$"):
            Lock(directory)
        holder.kill()
    assert not is_locked(directory)
    Lock(directory).release()


def test_checking_the_lock_does_not_take_it(directory: Path) -> None:
    begun(directory)
    assert not is_locked(directory)
    Lock(directory).release()
    assert not is_locked(directory / "nothing")
    assert not (directory / "nothing").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"follow": True}, "--follow cannot be changed"),
        ({"depth": 4}, "--depth cannot be changed when a run is resumed; the run has 3"),
        ({"sources": ["http://b.example/"]}, r"SOURCE cannot be changed .*http://a\.example/"),
        ({"out": ["pages.jsonl"]}, "--out cannot be changed"),
        ({"engine": "nonsense"}, "--engine must be one of"),
    ],
)
def test_resume_refuses_flags_that_change_the_result(
    directory: Path, flags: dict[str, object], says: str
) -> None:
    begun(directory, **({} if "follow" in flags else {"follow": True, "depth": 3}))
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(UsageError, match=says):
        resumed_run(directory, flags)
    after = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert {**before, LOCK: b""} == {**after, LOCK: b""}
    assert not is_locked(directory), "who was refused holds nothing"


def test_resume_accepts_flags_that_may_change(directory: Path) -> None:
    begun(directory, max_pages=3)
    flags = {
        "engine": "threads",
        "concurrency": "3",
        "per_host": "1",
        "delay": "2.5",
        "timeout": "9",
        "retries": "0",
        "workers": "1",
        "max_pages": "8",
    }
    with resumed_run(directory, flags) as run:
        for name, value in flags.items():
            assert str(getattr(run.settings, name)) in (value, f"{value}.0"), name


@pytest.mark.parametrize(
    ("secret", "flag"),
    [({"auth": ("a.example=u:p",)}, "--auth"), ({"header": ("X-Key: k",)}, "--header")],
)
def test_resume_asks_for_secrets_again(
    directory: Path, secret: dict[str, tuple[str, ...]], flag: str
) -> None:
    begun(directory, **secret)
    with pytest.raises(UsageError, match=f"{flag} must be given again"):
        resumed_run(directory, {})
    with resumed_run(directory, {name: list(value) for name, value in secret.items()}) as run:
        assert getattr(run.settings, flag[2:]) == next(iter(secret.values()))


def test_resume_needs_a_run_directory() -> None:
    with pytest.raises(UsageError, match="name the run directory with --run"):
        resumed_settings(None, {})


def test_a_shard_alone_is_not_resumed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its driver has the input, and the letters of the other shards."""
    begun(directory)
    shard = shard_directory(directory, 3)
    begun(shard)
    with pytest.raises(UsageError, match=f"0003 is a shard of the run in {directory}; resume"):
        check_is_whole(shard)
    monkeypatch.chdir(shard)
    with pytest.raises(UsageError, match=f"a shard of the run in {directory};"):
        check_is_whole(Path())
    check_is_whole(directory)
    (directory / SETTINGS).unlink()
    (directory / STATE).unlink()
    check_is_whole(shard)


def test_a_missing_run_cannot_be_resumed(directory: Path) -> None:
    with pytest.raises(UsageError, match="there is no run in"):
        resumed_run(directory, {})
    assert not directory.exists()


SPOILED: dict[str, Callable[[Path], object]] = {
    STATE: lambda path: path.unlink(),
    SETTINGS: lambda path: path.unlink(),
    "state of another": lambda path: path.with_name(STATE).write_bytes(b""),
    "settings that are none": lambda path: path.with_name(SETTINGS).write_text("follow = ["),
}


@pytest.mark.promise("P39")
@pytest.mark.parametrize("name", SPOILED)
def test_an_incomplete_run_is_refused_and_unlocked(directory: Path, name: str) -> None:
    begun(directory)
    SPOILED[name](directory / name)
    with pytest.raises((UsageError, StateError)):
        resumed_run(directory, {})
    assert not is_locked(directory)


def test_a_run_that_is_refused_leaves_nothing(directory: Path) -> None:
    with pytest.raises(UsageError), begin(Settings(run=str(directory))):
        raise UsageError("no such engine")
    assert names(directory.parent) == set()


@pytest.mark.parametrize("error", [StateError("disk full"), KeyboardInterrupt()])
def test_a_run_that_another_error_ends_is_kept(directory: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), begin(Settings(run=str(directory))):
        raise error
    assert STATE in names(directory)


def test_a_usage_error_removes_no_run_that_has_read_input(directory: Path) -> None:
    with pytest.raises(UsageError), begin(Settings(run=str(directory))) as run:
        run.store.counts.taken = 1
        raise UsageError("the second file cannot be read")
    assert STATE in names(directory)
    with pytest.raises(UsageError), resumed_run(directory, {}):
        raise UsageError("no such engine")
    assert STATE in names(directory)


def test_only_the_owner_may_read_the_state(directory: Path) -> None:
    old = os.umask(0)
    try:
        begun(directory)
    finally:
        os.umask(old)
    with sqlite3.connect(directory / STATE) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert stat.S_IMODE((directory / STATE).stat().st_mode) == 0o600
