"""``crawler status``."""

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.app.run_dir import LOCK, STATE, Lock, Run, begin
from crawler.cli import main, status
from crawler.frontier.entry import Candidate, Final, State
from crawler.frontier.state.status import last_commit
from crawler.model.urls import host_name, key
from crawler.settings import Settings

Capture = pytest.CaptureFixture[str]


def new(number: int, url: str, depth: int = 0) -> Candidate:
    return Candidate(number, key(url), url, host_name(url), depth, None, 0)


def fill(run: Run) -> None:
    """13 URLs: 2 done, 3 failed, 1 skipped; 4 hosts with something left."""
    store = run.store
    urls = [f"http://h{n % 5}.example/{n}" for n in range(10)]
    store.add([new(n + 1, url) for n, url in enumerate(urls)], lines=10)
    store.add([new(11 + n, f"http://h1.example/link{n}", 1) for n in range(3)])
    store.add([new(20, urls[0])], lines=1)
    store.finish(
        [
            Final(1, State.DONE, digest=1),
            Final(6, State.DONE, digest=2),
            Final(2, State.FAILED, "dns"),
            Final(3, State.FAILED, "timeout"),
            Final(4, State.FAILED, "timeout"),
            Final(5, State.SKIPPED, "robots"),
        ]
    )
    store.counts.filtered = 7
    store.counts.bytes = 61_000
    store.commit({})


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "my run"


@pytest.fixture
def running(directory: Path) -> Run:
    run = begin(Settings(run=str(directory), sources="x", auth="h=me:s3cr3t", proxy="http://p:1"))
    fill(run)
    return run


@pytest.fixture
def ended(running: Run) -> Path:
    end(running)
    return running.directory


def end(run: Run) -> None:
    run.store.close()
    with run:
        pass


def shown(capsys: Capture, directory: Path) -> str:
    assert main(["status", str(directory)]) == 0
    return capsys.readouterr().out


def asked(capsys: Capture, directory: Path) -> dict[str, Any]:
    assert main(["status", str(directory), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_status_says_how_far_a_run_came(capsys: Capture, ended: Path) -> None:
    hour_ago = time.time() - 3600
    os.utime(ended / STATE, (hour_ago, hour_ago))
    text = shown(capsys, ended)
    for words in (
        "my run · not running\n",
        "Pages     2 of 13 URLs · 61 kB\n",
        "Failed    3 · timeout × 2 · dns × 1\n",
        "Skipped   1 · robots × 1\n",
        "Left      7 pending\n",
        "h1.example × 4 · h2.example × 1 · h3.example × 1 · h4.example × 1\n",
        "10 URLs in the input · 3 in links · 1 duplicate left out\n",
        "          7 links not followed\n",
        "Committed 1 h ago\n",
    ):
        assert words in text


def test_status_json_has_the_same_facts(capsys: Capture, ended: Path) -> None:
    found = asked(capsys, ended)
    assert found["urls"] == {
        "input": 10,
        "duplicates": 1,
        "discovered": 3,
        "filtered": 7,
        "done": 2,
        "failed": 3,
        "skipped": 1,
        "pending": 7,
    }
    assert (found["running"], found["process"], found["obstacle"]) == (False, None, None)
    assert list(found["errors"].items()) == [("timeout", 2), ("dns", 1)]
    assert found["skips"] == {"robots": 1}
    assert next(iter(found["hosts"].items())) == ("h1.example", 4)
    assert found["bytes"] == 61_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["last_commit"])


@pytest.mark.promise("P05")
def test_the_resume_command_shows_no_secret(capsys: Capture, ended: Path) -> None:
    command = f"crawler crawl --run '{ended}' --resume --auth HOST=USER:PASS --proxy URL"
    assert f"Resume    {command}\n" in shown(capsys, ended)
    assert asked(capsys, ended)["resume"] == command


def test_a_running_crawl_is_shown_with_its_process(capsys: Capture, running: Run) -> None:
    text = shown(capsys, running.directory)
    assert f"my run · running, process {os.getpid()}\n" in text
    assert "Resume" not in text
    found = asked(capsys, running.directory)
    assert (found["running"], found["process"], found["resume"]) == (True, os.getpid(), None)
    end(running)


def test_status_does_not_disturb_the_crawl(capsys: Capture, running: Run) -> None:
    running.store.add([new(30, "http://late.example/")], lines=1)
    assert asked(capsys, running.directory)["urls"]["input"] == 10, "not committed yet"
    running.store.commit({})
    assert asked(capsys, running.directory)["urls"]["input"] == 11
    end(running)
    asked(capsys, running.directory)
    Lock(running.directory).release()


def test_status_does_not_commit(capsys: Capture, ended: Path) -> None:
    os.utime(ended / STATE, (0, 86_400))
    assert [asked(capsys, ended)["last_commit"] for _ in range(3)] == ["1970-01-02T00:00:00Z"] * 3


def test_the_state_log_counts_as_committed(running: Run) -> None:
    state = running.directory / STATE
    os.utime(state, (0, 0))
    assert last_commit(state) == (running.directory / f"{STATE}-wal").stat().st_mtime > 0
    end(running)


def test_a_lock_without_a_process_counts_as_running(capsys: Capture, running: Run) -> None:
    (running.directory / LOCK).write_text("")
    assert "my run · running\n" in shown(capsys, running.directory)
    end(running)


@pytest.mark.parametrize(("read", "finished"), [("open", False), ("read", True)])
def test_a_run_without_pending_may_have_input(
    capsys: Capture, ended: Path, read: str, finished: bool
) -> None:
    with sqlite3.connect(ended / STATE) as state:
        state.execute("""UPDATE facts SET value = '{"input": 1, "done": 1}' WHERE name='counts'""")
        state.execute("UPDATE entries SET state = 1")
        state.execute("INSERT OR REPLACE INTO facts VALUES ('input', ?)", (read,))
    state.close()
    text = shown(capsys, ended)
    assert "nothing pending" in text
    assert ("--resume" in text) is not finished
    assert asked(capsys, ended)["finished"] is finished


def test_the_ten_fullest_hosts_are_shown(capsys: Capture, directory: Path) -> None:
    run = begin(Settings(run=str(directory)))
    urls = [f"http://h{host}.example/{n}" for host in range(15) for n in range(host)]
    run.store.add([new(n + 1, url) for n, url in enumerate(urls)], lines=len(urls))
    run.store.commit({})
    end(run)
    found = asked(capsys, directory)["hosts"]
    assert list(found.items()) == [(f"h{host}.example", host) for host in range(14, 4, -1)]


@pytest.mark.promise("P39")
def test_unreadable_settings_prevent_a_resume(capsys: Capture, ended: Path) -> None:
    (ended / "settings.toml").write_text("nonsense")
    assert "cannot be resumed" in shown(capsys, ended)
    found = asked(capsys, ended)
    assert found["resume"] is None
    assert "is not a TOML file" in found["obstacle"]


def foreign(state: Path) -> None:
    state.unlink()
    with sqlite3.connect(state) as other:
        other.execute("CREATE TABLE entries (id)")
    other.close()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda state: state.write_bytes(b""),
    "random": lambda state: state.write_bytes(bytes(range(256)) * 64),
    "half a header": lambda state: state.write_bytes(state.read_bytes()[:50]),
    "foreign": foreign,
}


@pytest.mark.promise("P39")
@pytest.mark.parametrize("damage", DAMAGE)
def test_status_refuses_a_damaged_state(capsys: Capture, ended: Path, damage: str) -> None:
    state = ended / STATE
    DAMAGE[damage](state)
    before = state.read_bytes()
    assert main(["status", str(ended)]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"crawler: {state}: ")
    assert err.count("\n") == 1
    assert state.read_bytes() == before


@pytest.mark.promise("P39")
@pytest.mark.parametrize("table", ["facts", "entries"])
def test_a_state_without_a_table_is_refused(capsys: Capture, ended: Path, table: str) -> None:
    with sqlite3.connect(ended / STATE) as state:
        state.execute(f"DROP TABLE {table}")
    state.close()
    assert main(["status", str(ended)]) == 1
    assert f"no such table: {table}" in capsys.readouterr().err


def test_a_run_without_state_ends_with_1(capsys: Capture, ended: Path) -> None:
    (ended / STATE).unlink()
    assert main(["status", str(ended)]) == 1
    assert STATE in capsys.readouterr().err


def test_a_missing_run_ends_with_2(capsys: Capture, tmp_path: Path) -> None:
    for nothing in (tmp_path, tmp_path / "missing"):
        assert main(["status", str(nothing)]) == 2
        assert capsys.readouterr().err == f"crawler: there is no run in {nothing}\n"
        assert not (nothing / STATE).exists()
    assert main(["status"]) == 2


def test_status_fits_a_terminal(
    capsys: Capture, ended: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = shown(capsys, ended)
    assert max(len(line) for line in text.splitlines()[1:] if "--resume" not in line) <= 80


@given(st.lists(st.from_regex(r"[a-z]{1,9}( [a-z×]{1,9}){0,2}", fullmatch=True), min_size=1))
def test_pieces_are_kept_whole_and_in_order(pieces: list[str]) -> None:
    lines = status.fill(pieces, 40)
    assert all(len(line) <= 40 for line in lines)
    assert [piece for line in lines for piece in line.split(" · ")] == pieces
