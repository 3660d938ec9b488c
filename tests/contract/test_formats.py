"""One suite for all formats of ``--out``: what was committed can be read, once, and nothing else.

Each file is read whole by another library than the one that wrote it.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.format_writer import page
from support.formats import READERS, as_row

from crawler.model.errors import StateError, UsageError
from crawler.model.pages import Page
from crawler.sinks.base import Sink, SinkTarget
from crawler.sinks.formats import FORMATS, files_of, format_of, make_sink

TESTS = Path(__file__).parent.parent
KILLS = 4
SUFFIXES = [suffix for suffix, each in FORMATS.items() if not each.spooled]
"""Formats that are written while the crawl runs."""


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"pages{request.param}"


def open_sink(path: Path, *, resumed: bool = False) -> Sink:
    return make_sink(format_of(path), SinkTarget("pages", path, resumed))


def read(path: Path) -> list[int]:
    """The numbers of the pages in ``path``; fails where one is not as it was written."""
    reader = next(each for suffix, each in READERS.items() if path.name == f"pages{suffix}")
    numbers = []
    for row in reader(path):
        numbers.append(int(row["url"].rpartition("/")[2]))
        assert row == as_row(page(numbers[-1]))
    return numbers


def append(sink: Sink, numbers: Sequence[int]) -> None:
    sink.writer.append(b"".join([sink.encoder.encode(page(number)) for number in numbers]))


def test_every_format_has_an_independent_reader() -> None:
    assert set(READERS) == set(FORMATS)


def test_all_pages_come_out_in_order(path: Path) -> None:
    sink = open_sink(path)
    append(sink, [0, 1])
    append(sink, [2])
    sink.writer.commit()
    append(sink, [3])
    sink.writer.commit()
    sink.writer.close()
    assert read(path) == [0, 1, 2, 3]


def test_what_is_committed_can_be_read_while_it_is_written(path: Path) -> None:
    sink = open_sink(path)
    for number in range(3):
        append(sink, [number])
        sink.writer.commit()
        assert read(path) == list(range(number + 1))
    sink.writer.close()


def test_a_crawl_without_pages_leaves_a_whole_file(path: Path) -> None:
    sink = open_sink(path)
    sink.writer.commit()
    sink.writer.close()
    assert read(path) == []


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "commit", "kill"]), st.integers(0, 3)), max_size=20
)


@pytest.mark.promise("P35")
@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_after_any_kills_every_committed_page_is_there_once(
    suffix: str, steps: list[Step], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The state may know the last commit of the output, or only the one before it."""
    path = tmp_path_factory.mktemp("sink") / f"pages{suffix}"
    sink, next_page, commits = open_sink(path), 0, [(0, 0)]
    for step, size in steps:
        if step == "append":
            append(sink, range(next_page, next_page + size))
            next_page += size
        elif step == "commit":
            commits.append((sink.writer.commit(), next_page))
        else:
            sink.writer.close()
            del commits[len(commits) - size % min(2, len(commits)) :]
            sink = open_sink(path, resumed=True)
            offset, next_page = commits[-1]
            sink.writer.cut(offset)
    sink.writer.commit()
    sink.writer.close()
    assert read(path) == list(range(next_page))


def writer_process(path: Path, offset: int, first: int, *before: str) -> "subprocess.Popen[str]":
    """Write pages in another process, from number ``first`` on."""
    command = [sys.executable, "-m", *before, "support.format_writer", path, offset, first]
    return subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )


def killed_writer(path: Path, offset: int, first: int, rng: random.Random) -> tuple[int, int]:
    """SIGKILL a process that writes pages; return the offset and count of its last known commit."""
    process = writer_process(path, offset, first)
    assert process.stdout is not None
    commits = [process.stdout.readline() for _ in range(rng.randint(1, 5))]
    time.sleep(rng.uniform(0, 0.005))  # into the middle of a write
    process.send_signal(signal.SIGKILL)
    process.communicate()
    found, count = commits[-1].split()
    return int(found), int(count)


@pytest.mark.promise("P35")
def test_a_killed_process_loses_nothing_that_was_committed(path: Path) -> None:
    rng, offset, count = random.Random(path.name), 0, 0
    for _ in range(KILLS):
        offset, count = killed_writer(path, offset, count, rng)
    sink = open_sink(path, resumed=True)
    sink.writer.cut(offset)
    append(sink, [count])
    sink.writer.commit()
    sink.writer.close()
    assert count >= KILLS
    assert read(path) == list(range(count + 1))


@pytest.mark.promise("P37")
def test_a_full_disk_is_reported_and_loses_nothing(path: Path) -> None:
    sink = open_sink(path)
    append(sink, range(10))
    offset = sink.writer.commit()
    sink.writer.close()
    size = path.stat().st_size + 40_000
    process = writer_process(path, offset, 10, "support.small_disk", str(size))
    _, told = process.communicate(timeout=60)
    assert re.fullmatch(rf"{re.escape(str(path))}\S*: [ \w/]+\n", told), told
    assert process.returncode == 1
    sink = open_sink(path, resumed=True)
    sink.writer.cut(offset)
    append(sink, [10])
    sink.writer.commit()
    sink.writer.close()
    assert read(path) == list(range(11))


def test_an_existing_file_is_not_overwritten(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(StateError, match="File exists"):
        open_sink(path)
    assert path.read_text() == "mine"


def test_a_link_is_not_followed(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("mine")
    path.symlink_to(other)
    for resumed in (False, True):
        with pytest.raises(StateError):
            open_sink(path, resumed=resumed)
    assert other.read_text() == "mine"


def test_an_output_that_lost_pages_is_refused(path: Path) -> None:
    sink = open_sink(path)
    append(sink, range(10))
    offset = sink.writer.commit()
    sink.writer.close()
    for each in files_of(path):
        each.unlink(missing_ok=True)
    sink = open_sink(path)
    sink.writer.commit()
    sink.writer.close()
    sink = open_sink(path, resumed=True)
    with pytest.raises(StateError, match=re.escape(str(path))):
        sink.writer.cut(offset)
    sink.writer.close()


def test_an_unknown_suffix_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"--out x\.txt: the suffix .* use one of \.jsonl, "):
        format_of(Path("x.txt"))


def test_records_of_other_types_are_kept(path: Path) -> None:
    """No value, and odd characters. A database has U+FFFD in place of NUL."""
    bare = Page("u", "u", 204, None, "2026-01-01T00:00:00Z", 1.5, 0, "00", 0)
    sink = open_sink(path)
    sink.writer.append(sink.encoder.encode(bare))
    sink.writer.append(sink.encoder.encode(msgspec.structs.replace(bare, title='"\r\n,\0\u2028🍵')))
    sink.writer.commit()
    sink.writer.close()
    reader = next(each for suffix, each in READERS.items() if path.name == f"pages{suffix}")
    nul = "\ufffd" if path.suffix in (".db", ".sqlite") else "\0"
    assert [row["title"] for row in reader(path)] == [None, f'"\r\n,{nul}\u2028🍵']
