"""The file of ``--cache``: damaged, shared, bounded, or not usable."""

import gc
import os
import resource
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from support.caches import JOB, OPTIONS, PAGE, change, parse, same, values, with_cache

from crawler.model.errors import StateError
from crawler.parsing.batch import BatchParser, Task
from crawler.parsing.cache_file import NAME, OPEN_WAIT_S, WAIT_S, CacheFile, discard, open_cache
from crawler.parsing.page import PageParser
from crawler.sinks.jsonl import JsonlEncoder

# Damage


def edit(folder: Path, *statement: Any) -> None:
    with closing(sqlite3.connect(folder / NAME)) as file, file:
        assert file.execute(*statement).rowcount


def test_any_damaged_byte_of_an_entry_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    options, expected = with_cache(folder), parse(OPTIONS)
    parse(options)
    (good,) = values(folder).values()
    for place in range(len(good)):
        bad = good[:place] + bytes([good[place] ^ 1 << place % 8]) + good[place + 1 :]
        edit(folder, "UPDATE results SET value = ?", (bad,))
        found = parse(options)
        assert found.cached is False
        assert same(found, expected)
        assert list(values(folder).values()) == [good], "it is replaced"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE results SET value = x''",
        "UPDATE results SET value = substr(value, 1, length(value) - 1)",
        "UPDATE results SET value = value || x'00'",
        "UPDATE results SET value = 'text'",
        "UPDATE results SET value = 7",
        "UPDATE results SET value = (SELECT value FROM results WHERE id = 2) WHERE id = 1",
        "DELETE FROM results",
    ],
)
def test_a_cut_or_foreign_entry_is_missing(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "cache"
    options = with_cache(folder)
    parse(options)
    parse(options, b"<title>another")
    edit(folder, damage)
    found = parse(options)
    assert found.cached is False
    assert same(found, parse(OPTIONS))
    assert parse(options).cached is True


def test_a_damaged_entry_is_removed_at_once(tmp_path: Path) -> None:
    parse(with_cache(tmp_path / "cache"))
    edit(tmp_path / "cache", "UPDATE results SET value = x'00'")
    parser = PageParser(with_cache(tmp_path / "cache"))
    assert parser.parse(JOB, PAGE).cached is False
    assert values(tmp_path / "cache") == {}, "before its page is kept again"


def overwritten(text: bytes) -> bytes:
    return b"\xff" * len(text)


def hollow(text: bytes) -> bytes:
    """The first page is good, the others are not."""
    return text[:4096] + b"\xff" * len(text[4096:])


DAMAGE: list[Callable[[bytes], bytes]] = [
    overwritten,
    hollow,
    lambda text: text[:4096],
    lambda text: text[:1000],
    lambda text: text[: len(text) - 2000],
    lambda text: b"\0" * len(text),
]


def damage(folder: Path, how: Callable[[bytes], bytes]) -> None:
    """Damage the file while no process has it open."""
    file = folder / NAME
    file.write_bytes(how(file.read_bytes()))


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_replaced(tmp_path: Path, how: Callable[[bytes], bytes]) -> None:
    folder = tmp_path / "cache"
    options, expected = with_cache(folder), parse(OPTIONS)
    for number in range(50):
        parse(options, b"<title>%d</title>" % number * 100)
    parse(options)
    gc.collect()
    damage(folder, how)
    assert same(parse(options), expected)
    assert same(parse(options), expected)
    assert parse(options).cached is True


def test_a_damaged_file_that_others_use_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    parse(with_cache(folder))
    gc.collect()
    damage(folder, hollow)
    before = (folder / NAME).stat().st_ino
    with closing(CacheFile(folder, 10**9)):
        parser = PageParser(with_cache(folder))
        assert same(parser.parse(JOB, PAGE), parse(OPTIONS))
        assert "malformed" in parser.flush()
        assert parser.flush() == "", "it is said once"
        assert same(parser.parse(JOB, PAGE), parse(OPTIONS))
        assert discard(folder) is False
    assert (folder / NAME).stat().st_ino == before
    assert discard(folder) is True


# Its size, and others that use it


def test_it_is_bounded_and_the_oldest_entries_leave(tmp_path: Path) -> None:
    most = 400_000
    with closing(CacheFile(tmp_path / "cache", most)) as file:
        for number in range(0, 1000, 10):
            numbers = range(number, number + 10)
            file.put([(b"%d" % each, os.urandom(3000)) for each in numbers])
            assert file.get(b"%d" % (number + 9)) is not None
    kept = sorted(map(int, values(tmp_path / "cache")))
    assert kept == list(range(kept[0], 1000)), "those that came last"
    assert len(kept) > most / 3000 / 2, "SQLite has whole pages, of 4 kB"
    sizes = [path.stat().st_size for path in (tmp_path / "cache").iterdir()]
    assert sum(sizes) < most + 10 * 3000 + 100_000


def test_larger_entries_do_not_make_it_grow(tmp_path: Path) -> None:
    most = 400_000
    with closing(CacheFile(tmp_path / "cache", most)) as file:
        file.put([(b"%d" % each, b"small") for each in range(3000)])
        for number in range(20):
            file.put([(b"large %d" % number, os.urandom(30_000))])
    assert (tmp_path / "cache" / NAME).stat().st_size < most + 100_000
    assert len(values(tmp_path / "cache")) > 5


def test_a_lower_maximum_is_reached_in_small_steps(tmp_path: Path) -> None:
    with closing(CacheFile(tmp_path / "cache", 10**9)) as file:
        file.put([(b"%d" % each, os.urandom(3000)) for each in range(300)])
    with closing(CacheFile(tmp_path / "cache", 400_000)) as file:
        counts = []
        for number in range(120):
            file.put([(b"new %d" % each, os.urandom(3000)) for each in (number, number + 1000)])
            counts.append(len(values(tmp_path / "cache")))
    steps = [before - after for before, after in pairwise([300, *counts])]
    assert max(steps) <= 4
    assert 60 < counts[-1] <= 100


def test_opening_waits_for_what_others_repair(tmp_path: Path) -> None:
    open_cache(tmp_path / "cache", 10**9).close()
    other = sqlite3.connect(
        tmp_path / "cache" / NAME, isolation_level=None, check_same_thread=False
    )
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    ending = Timer(2 * WAIT_S, other.close)
    ending.start()
    open_cache(tmp_path / "cache", 10**9).close()
    ending.join()


def test_a_tiny_cache_keeps_nothing(tmp_path: Path) -> None:
    options = with_cache(tmp_path / "cache", size=1)
    assert [parse(options).cached, parse(options).cached] == [False, False]


def test_many_workers_share_it(tmp_path: Path) -> None:
    options = with_cache(tmp_path / "cache")
    tasks = [
        Task(change(JOB, id=number, final_url=f"http://h.example/{number % 40}"), PAGE)
        for number in range(80)
    ]

    def work(start: int) -> int:
        parser = BatchParser(options, [JsonlEncoder()])
        ordered = tasks[start:] + tasks[:start]
        found = [parser.run(ordered[place : place + 8]) for place in range(0, 80, 8)]
        assert not any(results.trouble for results in found)
        return sum(outcome.cached for results in found for outcome in results.outcomes)

    with ThreadPoolExecutor(8) as threads:
        cached = sum(threads.map(work, range(0, 80, 10)))
    assert len(values(tmp_path / "cache")) == 40
    assert cached >= 8 * 40, "each worker needs each page once at most"
    assert work(0) == 80


def test_a_writer_that_waits_too_long_writes_nothing(tmp_path: Path) -> None:
    options = with_cache(tmp_path / "cache")
    parse(options, b"<title>before")
    with closing(sqlite3.connect(tmp_path / "cache" / NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert parse(options).cached is False
        assert parse(options, b"<title>before").cached is True
        assert time.monotonic() - began < OPEN_WAIT_S
    assert parse(options).cached is False
    assert parse(options).cached is True


# What cannot be used


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can become larger than it is."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_the_cache_and_no_page(tmp_path: Path) -> None:
    parse(with_cache(tmp_path / "cache"), b"<title>before")
    parser = PageParser(with_cache(tmp_path / "cache"))
    with full_disk():
        assert same(parser.parse(JOB, PAGE), parse(OPTIONS))
        trouble = parser.flush()
    assert trouble.startswith(str(tmp_path / "cache"))
    assert same(parser.parse(JOB, PAGE), parse(OPTIONS))
    assert parser.flush() == ""
    assert parse(with_cache(tmp_path / "cache"), b"<title>before").cached is True


def test_a_full_disk_is_known_before_the_crawl(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    with full_disk(), pytest.raises(StateError, match=str(folder)):
        open_cache(folder, 10**9).close()
    open_cache(folder, 10**9).close()
    with closing(CacheFile(folder, 10**9)):  # then all its files exist
        with full_disk(), pytest.raises(StateError, match=str(folder)):
            open_cache(folder, 10**9).close()
        open_cache(folder, 10**9).close()
    assert values(folder) == {}


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"
    parser = PageParser(with_cache(folder))
    parser.parse(JOB, PAGE)
    parser.flush()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {NAME: 0o600, f"{NAME}-wal": 0o600, f"{NAME}-shm": 0o600}


def link(folder: Path) -> None:
    folder.parent.joinpath("elsewhere").mkdir()
    folder.symlink_to("elsewhere")


def plain_file(folder: Path) -> None:
    folder.write_text("mine")


def open_to_others(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def file_is_link(folder: Path) -> None:
    folder.mkdir(0o700)
    folder.parent.joinpath("victim").write_text("mine")
    folder.joinpath(NAME).symlink_to("../victim")


def wal_is_link(folder: Path) -> None:
    folder.mkdir(0o700)
    folder.joinpath(f"{NAME}-wal").symlink_to("../victim")


def file_has_two_names(folder: Path) -> None:
    folder.mkdir(0o700)
    folder.parent.joinpath("victim").write_text("mine")
    folder.joinpath(NAME).hardlink_to(folder.parent / "victim")


def file_is_pipe(folder: Path) -> None:
    folder.mkdir(0o700)
    os.mkfifo(folder / NAME)


def other_database(folder: Path) -> None:
    folder.mkdir(0o700)
    with closing(sqlite3.connect(folder / NAME)) as file:
        file.execute("CREATE TABLE mine (x)")


@pytest.mark.promise("P55")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (link, "is a symbolic link, which is not followed"),
        (plain_file, "is not a folder"),
        (open_to_others, "other users may change it; choose a folder of your own"),
        (file_is_link, "is a symbolic link, which is not followed"),
        (wal_is_link, "is a symbolic link, which is not followed"),
        (file_has_two_names, "has another name (a hard link); to write to it would change"),
        (file_is_pipe, "is not a regular file"),
        (other_database, "is a database of another program"),
    ],
)
def test_what_is_not_a_cache_is_refused_and_not_changed(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    folder = tmp_path / "cache"
    make(folder)
    before = tree(tmp_path)
    with pytest.raises(StateError) as refused:
        open_cache(folder, 10**9).close()
    assert says in str(refused.value)
    parser = PageParser(with_cache(folder))
    assert same(parser.parse(JOB, PAGE), parse(OPTIONS))
    assert says in parser.flush()
    assert tree(tmp_path) == before


def tree(folder: Path) -> dict[Path, object]:
    found: dict[Path, object] = {}
    for path in sorted(folder.rglob("*")):
        found[path] = path.lstat().st_mode
        with suppress(OSError):
            if path.is_file():
                found[path] = path.read_bytes()
    return found


def test_nothing_stays_open(tmp_path: Path) -> None:
    gc.collect()
    before = set(Path("/proc/self/fd").iterdir())
    parser = PageParser(with_cache(tmp_path / "cache"))
    parser.parse(JOB, PAGE)
    parser.flush()
    del parser
    gc.collect()
    assert set(Path("/proc/self/fd").iterdir()) == before
