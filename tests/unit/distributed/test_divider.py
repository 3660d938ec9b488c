"""Every line of the input is divided once, whenever the driver is killed."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from support.kill_points import is_killed

from crawler.app.run_dir import Run, begin, resume
from crawler.distributed import divider as dividers
from crawler.distributed import origins, outbox
from crawler.distributed.divider import Divided, Divider
from crawler.distributed.letters import LetterFile, LetterKind, decode
from crawler.distributed.origins import OriginsReader
from crawler.distributed.partition import owner
from crawler.frontier.state import store
from crawler.model.errors import StateError
from crawler.runs.layout import INPUT_LOG, ORIGINS
from crawler.settings import Settings
from crawler.sinks import file
from crawler.sources import InputLine
from crawler.sources.input_line import BLANK, RawLines

SHARDS = 4
LINES: list[str | InputLine] = [
    *[f"http://h{n}.example/" for n in range(6)],
    *[f"http://10.0.0.{n}/" for n in range(6)],
    BLANK,
    "no url",
    "http://me:secret@h3.example/",
    "http://h1.example/",
]
EXPECTED = [line.replace("me:secret@", "") for line in LINES if isinstance(line, str)]
FILES = {module.__file__ for module in (dividers, origins, outbox, file, store) if module.__file__}


def settings(folder: Path) -> Settings:
    return Settings(run=str(folder / "run"), sources=("list",))


@contextmanager
def opened(folder: Path) -> Iterator[Run]:
    is_new = not (folder / "run").exists()
    with begin(settings(folder)) if is_new else resume(folder / "run", settings(folder)) as run:
        yield run


def divided(run: Run, lines: RawLines = LINES) -> Divided:
    """Divide all lines; returns how far the input is then."""
    failed: list[Exception] = []
    divider, awake = Divider(run, lines, SHARDS), threading.Event()

    def fail(error: Exception) -> None:
        failed.append(error)
        awake.set()

    divider.start(awake.set, fail)
    while not failed and not divider.standing.has_ended:
        assert awake.wait(30)
        awake.clear()
    divider.stop()
    if failed:
        raise failed[0]
    return divider.standing


def letters(run: Path) -> list[tuple[int, InputLine]]:
    """The lines in the log of the input, with their shards."""
    found: list[tuple[int, InputLine]] = []
    with LetterFile(run / INPUT_LOG) as log:
        for head, begins in log.heads():
            records = decode(LetterKind(head.kind), log.body(head, begins))
            assert len(records) == head.count
            found += [(head.place, each) for each in records if isinstance(each, InputLine)]
    return found


def check_all(run: Path, standing: Divided) -> None:
    found = letters(run)
    assert sorted(line.url for _, line in found) == sorted(EXPECTED)
    assert all(shard == owner(line.url, SHARDS) for shard, line in found)
    assert standing.log == (run / INPUT_LOG).stat().st_size
    assert dict(standing.sent) == {
        shard: sum(each == shard for each, _ in found) for shard, _ in found
    }
    known = OriginsReader(run / ORIGINS).new()
    assert set(known.names) == {"http://h3.example", *(f"http://10.0.0.{n}" for n in range(6))}
    assert known.logins == {"http://h3.example": "me:secret"}
    assert b"secret" not in (run / INPUT_LOG).read_bytes()


def test_each_line_goes_to_the_shard_of_its_host(tmp_path: Path) -> None:
    with opened(tmp_path) as run:
        standing = divided(run)
        assert run.store.counts.taken == len(LINES), "blank lines count as lines"
        assert run.store.facts.get("input") == "read"
    check_all(tmp_path / "run", standing)


def test_lines_of_a_shard_keep_their_order(tmp_path: Path) -> None:
    lines = [f"http://h{n % 5}.example/{n}" for n in range(300)]
    with opened(tmp_path) as run:
        divided(run, lines)
    for shard in range(SHARDS):
        mine = [line.url for place, line in letters(tmp_path / "run") if place == shard]
        assert mine == [line for line in lines if owner(line, SHARDS) == shard]


def test_nothing_is_divided_twice(tmp_path: Path) -> None:
    for _ in range(3):
        with opened(tmp_path) as run:
            standing = divided(run)
    check_all(tmp_path / "run", standing)


def _divide_here(run: Run) -> None:
    """What its thread does, on this one."""
    divider = Divider(run, LINES, SHARDS)
    divider._wake = lambda: None
    divider._source.start(divider._room.set, divider._fail_soon)
    divider._work()


def test_a_kill_at_any_line_of_code_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dividers, "MOST_LINES", 4)
    monkeypatch.setattr("crawler.sources.reader.BATCH", 4)
    kills = 0
    for lines in range(0, 10_000, 13):
        folder = tmp_path / str(lines)
        folder.mkdir()
        with begin(settings(folder)):
            pass
        prepare = partial(resume, folder / "run", settings(folder))
        if not is_killed(prepare, _divide_here, FILES, lines):
            break
        kills += 1
        with opened(folder) as run:
            check_all(folder / "run", divided(run))
    assert kills > 10


@pytest.mark.parametrize(("calls", "name"), [(0, ORIGINS), (1, INPUT_LOG)])
def test_a_full_disk_ends_the_crawl_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int, name: str
) -> None:
    left = iter(range(calls))

    def full(_: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, opened(tmp_path) as run:
        patched.setattr(os, "fdatasync", full)
        with pytest.raises(StateError, match=rf"{name}: No space left"):
            divided(run)
    with opened(tmp_path) as run:
        check_all(tmp_path / "run", divided(run))


def test_a_log_that_lost_lines_is_reported(tmp_path: Path) -> None:
    with opened(tmp_path) as run:
        divided(run)
    log = tmp_path / "run" / INPUT_LOG
    log.write_bytes(log.read_bytes()[:-1])
    with (
        opened(tmp_path) as run,
        pytest.raises(StateError, match=r"input\.log: has \d+ bytes, but \d+ were written"),
    ):
        Divider(run, LINES, SHARDS)


def test_an_input_that_lost_lines_is_reported(tmp_path: Path) -> None:
    with opened(tmp_path) as run:
        divided(run)
    with (
        opened(tmp_path) as run,
        pytest.raises(StateError, match=r"has only 3 lines, but 16 were read before"),
    ):
        divided(run, LINES[:3])


def test_an_error_of_the_input_ends_the_crawl(tmp_path: Path) -> None:
    def broken() -> Iterator[str | InputLine]:
        yield LINES[0]
        raise OSError("the disk is gone")

    with opened(tmp_path) as run, pytest.raises(OSError, match="the disk is gone"):
        divided(run, broken())
