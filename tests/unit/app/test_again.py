"""Failures and skips become pending again: files and state agree, whenever a kill comes."""

import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.kill_points import is_killed
from support.states import NOT_A_URL, in_file, new

from crawler.app import again
from crawler.app.again import put_back
from crawler.app.run_dir import Run, begin, resume
from crawler.frontier.entry import Candidate, Final, State
from crawler.frontier.state import again as state_again
from crawler.frontier.state import store
from crawler.model.errors import StateError
from crawler.settings import Settings

MEMORY = Path("/dev/shm")
"""A folder in memory, where making files durable takes no time."""
ENDS = [
    (State.FAILED, "connect", "http://a.example/1"),
    (State.FAILED, "url", "no url"),
    (State.FAILED, "status", "http://a.example/3"),
    (State.SKIPPED, "robots", "http://a.example/4"),
    (State.DONE, None, "http://a.example/5"),
    (State.FAILED, "connect", "http://a.example/6"),
]
NAMES = {State.FAILED: "failures.jsonl", State.SKIPPED: "skipped.jsonl"}


def put_all_back(run: Run) -> None:
    """Do what ``--again`` says."""
    put_back(run, run.settings.ends_again)


def settings(folder: Path, *names: str) -> Settings:
    return Settings(run=folder, resume=True, again=names)


def made(folder: Path) -> Path:
    """A run that ended with ``ENDS``; its files have more than was committed."""
    run = begin(Settings(run=folder))
    entries = [new(number) for number in range(1, len(ENDS) + 1)]
    entries[1] = Candidate(2, 2, "no url", "", 0, None, 1, None, NOT_A_URL)
    run.store.add([*entries, new(7)], lines=7)
    lines: dict[str, str] = dict.fromkeys(NAMES.values(), "")
    for number, (state, why, url) in enumerate(ENDS, start=1):
        run.store.finish([Final(number, state, why)])
        if state in NAMES:
            field = "error" if state is State.FAILED else "reason"
            record = {"url": url, field: why, "message": f"was {why}"}
            lines[NAMES[state]] += json.dumps(record) + "\n"
    run.store.commit({name: len(text) for name, text in lines.items()})
    for name, text in lines.items():
        (folder / name).write_text(text + '{"url": "not commit')
    run.__exit__(None)
    return folder


def texts(folder: Path) -> dict[str, list[str]]:
    """The records of each file, as far as the state says that they count, by their reason."""
    with resume(folder, Settings(run=folder)) as run:
        put_all_back(run)
        offsets = run.store.offsets
    found = {}
    for name in NAMES.values():
        lines = (folder / name).read_bytes()[: offsets[name]].decode().splitlines()
        records = [json.loads(line) for line in lines]
        found[name] = [record.get("error") or record["reason"] for record in records]
    return found


def accounts(folder: Path) -> dict[str, list[str]]:
    """What the state says that is in each file; its counts say the same."""
    with resume(folder, Settings(run=folder)) as run:
        counts = run.store.counts
    query = "SELECT why FROM entries WHERE state = {} ORDER BY id"
    found = {
        name: [str(why) for (why,) in in_file(folder / "state.db", query.format(int(state)))]
        for state, name in NAMES.items()
    }
    for name, of in ((NAMES[State.FAILED], counts.errors), (NAMES[State.SKIPPED], counts.skips)):
        assert of == {why: found[name].count(why) for why in found[name]}
    assert counts.pending == 7 - 1 - sum(map(len, found.values()))
    return found


OLD = {"failures.jsonl": ["connect", "url", "status", "connect"], "skipped.jsonl": ["robots"]}


@pytest.mark.promise("P45")
@pytest.mark.parametrize(
    ("names", "failures", "skips"),
    [
        (("connect",), ["url", "status"], ["robots"]),
        (("robots", "url"), ["connect", "status", "connect"], []),
        (("all",), [], []),
        (("dns",), OLD["failures.jsonl"], ["robots"]),
    ],
)
def test_what_is_put_back_is_in_no_file(
    tmp_path: Path, names: tuple[str, ...], failures: list[str], skips: list[str]
) -> None:
    folder = made(tmp_path / "run")
    with resume(folder, settings(folder, *names)) as run:
        put_all_back(run)
    assert texts(folder) == accounts(folder) == dict(zip(OLD, (failures, skips), strict=True))
    assert not list(folder.glob("*.draft"))


def test_a_line_that_is_not_a_url_says_why_again(tmp_path: Path) -> None:
    folder = made(tmp_path / "run")
    with resume(folder, settings(folder, "all")) as run:
        put_all_back(run)
        entries = run.store.take(["", "a.example"], 9, 9)
    wrong = {entry.url: entry.wrong for entry in entries if entry.wrong is not None}
    assert {url: each.error().message for url, each in wrong.items()} == {"no url": "was url"}
    assert len(entries) == 6


@pytest.mark.parametrize("text", ["", '{"url": "a"}\n', "nonsense\n" * 50, "x" * 999])
def test_a_changed_file_is_refused(tmp_path: Path, text: str) -> None:
    folder = made(tmp_path / "run")
    (folder / "failures.jsonl").write_text(text)
    with resume(folder, settings(folder, "all")) as run, pytest.raises(StateError, match="changed"):
        put_all_back(run)
    assert (folder / "failures.jsonl").read_text() == text
    assert accounts(folder) == OLD


def put_back_killed(tmp_path: Path) -> None:
    """Put back, killed at each line in turn, and so is what completes it."""
    files = {again.__file__, store.__file__, state_again.__file__}
    new = {"failures.jsonl": ["url", "status"], "skipped.jsonl": []}
    original = made(tmp_path / "original")
    outcomes: list[dict[str, list[str]]] = []
    killed = True
    while killed:
        folder, lines = shutil.copytree(original, tmp_path / f"{len(outcomes)}"), len(outcomes)
        first = partial(resume, folder, settings(folder, "connect", "robots"))
        killed = is_killed(first, put_all_back, files, lines)
        is_killed(partial(resume, folder, Settings(run=folder)), put_all_back, files, lines % 30)
        outcomes.append(texts(folder))
        assert outcomes[-1] == accounts(folder), lines
    before = outcomes.count(OLD)
    assert outcomes == [OLD] * before + [new] * (len(outcomes) - before)
    assert min(before, len(outcomes) - before) > 5


@pytest.mark.promise("P45")
def test_a_kill_at_any_line_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """In a process with one thread: others must not be forked."""
    code = "import sys; from pathlib import Path; from unit.app import test_again as it; it."
    code += "put_back_killed(Path(sys.argv[1]))"
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, folder],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
