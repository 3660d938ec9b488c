"""An inbox has each record of the logs once and in order, also after a kill."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.kill_points import is_killed

from crawler.distributed import inbox as inboxes
from crawler.distributed.inbox import LONG_BYTES, Inbox
from crawler.distributed.letters import HEAD_BYTES
from crawler.distributed.outbox import Letters
from crawler.frontier.entry import Candidate
from crawler.model.errors import StateError
from crawler.sources import InputLine

ME, OTHER = 3, 4


class Log:
    """A log that a shard writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._letters = Letters(self._put, {})
        self._number = 0

    def _put(self, letter: bytes) -> None:
        with self.path.open("ab") as log:
            log.write(letter)

    def send(self, count: int, shard: int = ME) -> int:
        """Send so many numbered links in one letter; returns the length of the log."""
        for _ in range(count):
            url = f"http://{self.path.name}/{self._number}"
            self._letters.add(shard, Candidate(0, self._number, url, "", 1, None, 0))
            self._number += 1
        return self._end()

    def send_line(self, line: InputLine, shard: int = ME) -> int:
        self._letters.add(shard, line)
        return self._end()

    def _end(self) -> int:
        self.sent = self._letters.flush()
        return self.path.stat().st_size


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "links.log")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.log"


def no_sitemap(line: InputLine) -> Iterator[InputLine]:
    raise AssertionError(line)


def urls(path: Path, taken: int = 0) -> list[str]:
    with closing(Inbox(path, ME)) as inbox:
        return [record.url for record in inbox.behind(taken, no_sitemap)]


def expected(log: Log, *numbers: int) -> list[str]:
    return [f"http://{log.path.name}/{number}" for number in numbers]


def test_what_is_for_others_is_left_out(log: Log, path: Path) -> None:
    log.send(2)
    log.send(3, OTHER)
    end = log.send(1)
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, end)
        assert (inbox.received, inbox.read) == ({7: 3}, {7: end})
    assert urls(path) == expected(log, 0, 1, 5)


def test_collecting_twice_is_collecting_once(log: Log, path: Path) -> None:
    end = log.send(3)
    for _ in range(2):
        with closing(Inbox(path, ME)) as inbox:
            inbox.collect(7, log.path, end)
            inbox.collect(7, log.path, end)
            assert inbox.received == {7: 3}
    assert urls(path) == expected(log, 0, 1, 2)


def test_no_more_is_collected_than_was_committed(log: Log, path: Path) -> None:
    first, second = log.send(2), log.send(2)
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, first)
        assert inbox.received == {7: 2}
        inbox.collect(7, log.path, second)
        inbox.collect(7, log.path, first)
        assert (inbox.received, inbox.read) == ({7: 4}, {7: second})


def test_large_logs_are_copied_in_parts(
    log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "MOST_BYTES", 100)
    for _ in range(20):
        log.send(2, OTHER)
        end = log.send(2)
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, end)
        assert inbox.received == {7: 40}
    found = urls(path)
    assert len(found) == len(set(found)) == 40
    with closing(Inbox(path, ME)) as inbox:
        assert (inbox.received, inbox.read) == ({7: 40}, {7: end})


def test_sources_are_told_apart(log: Log, path: Path, tmp_path: Path) -> None:
    another = Log(tmp_path / "input.log")
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, log.send(2))
        inbox.collect(-1, another.path, another.send(1))
        inbox.collect(7, log.path, log.send(1))
    with closing(Inbox(path, ME)) as inbox:
        assert inbox.received == {7: 3, -1: 1}
    assert urls(path) == [*expected(log, 0, 1), *expected(another, 0), *expected(log, 2)]
    assert urls(path, taken=2) == [*expected(another, 0), *expected(log, 2)]


@pytest.mark.parametrize("taken", range(8))
def test_it_continues_after_what_was_taken(log: Log, path: Path, taken: int) -> None:
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, log.send(3))
        inbox.collect(7, log.path, log.send(4))
    assert urls(path, taken) == expected(log, *range(taken, 7))


def test_each_torn_tail_is_cut_and_collected_again(log: Log, path: Path) -> None:
    first = log.send(2)
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, first)
        kept = path.stat().st_size
        second = log.send(2)
        inbox.collect(7, log.path, second)
    whole = path.read_bytes()
    for length in range(kept, len(whole)):
        path.write_bytes(whole[:length])
        with closing(Inbox(path, ME, {7: 2})) as inbox:
            assert path.stat().st_size == kept
            assert (inbox.received, inbox.read) == ({7: 2}, {7: first})
            inbox.collect(7, log.path, second)
        assert path.read_bytes() == whole


def test_a_last_letter_that_is_not_durable_is_cut(log: Log, path: Path) -> None:
    """After a loss of power its head may be on disk, and zeros instead of its body."""
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, log.send(1))
        kept = path.stat().st_size
        end = log.send(5)
        inbox.collect(7, log.path, end)
    data = bytearray(path.read_bytes())
    data[kept + HEAD_BYTES :] = bytes(len(data) - kept - HEAD_BYTES)
    path.write_bytes(data)
    with closing(Inbox(path, ME, {7: 1})) as inbox:
        assert inbox.received == {7: 1}
        inbox.collect(7, log.path, end)
    assert urls(path) == expected(log, *range(6))


def test_lost_records_that_were_taken_are_reported(log: Log, path: Path) -> None:
    for _ in range(3):
        with closing(Inbox(path, ME)) as inbox:
            inbox.collect(7, log.path, log.send(2))
    data = bytearray(path.read_bytes())
    data[len(data) // 3 + 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(StateError, match=rf"^{re.escape(str(path))}: has lost 4 records .*restore"):
        Inbox(path, ME, {7: 6})
    assert path.read_bytes() == data, "nothing is cut that could be restored"


def test_a_missing_inbox_is_reported(path: Path) -> None:
    with pytest.raises(StateError, match=r"inbox\.log: has lost 1 record that .*; restore"):
        Inbox(path, ME, {7: 1})


def test_a_damaged_record_is_reported(log: Log, path: Path) -> None:
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, log.send(2))
        inbox.collect(7, log.path, log.send(2))
    data = bytearray(path.read_bytes())
    data[HEAD_BYTES * 2 + 20] ^= 1
    path.write_bytes(data)
    with pytest.raises(StateError, match=r"inbox\.log: is damaged at byte \d+; restore"):
        urls(path)
    assert urls(path, taken=2) == expected(log, 2, 3), "nobody needs it any more"


def test_a_damaged_log_is_reported_and_nothing_of_it_is_taken(log: Log, path: Path) -> None:
    log.send(2)
    end = log.send(2)
    data = bytearray(log.path.read_bytes())
    data[-1] ^= 1
    log.path.write_bytes(data)
    with closing(Inbox(path, ME)) as inbox:
        with pytest.raises(StateError, match=r"links\.log: is damaged at byte"):
            inbox.collect(7, log.path, end)
        assert (inbox.received, inbox.read) == ({}, {})
    assert path.stat().st_size == 0


# sitemaps


def lines_of_sitemap(line: InputLine) -> Iterator[InputLine]:
    for number in range(4):
        yield InputLine(f"{line.url}#{number}", own=False)


@pytest.mark.parametrize("taken", range(7))
def test_a_sitemap_is_as_many_records_as_it_has_lines(log: Log, path: Path, taken: int) -> None:
    log.send(1)
    log.send_line(InputLine("http://a/sitemap.xml", sitemap=0))
    end = log.send(1)
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, end)
        assert inbox.received == {7: 3}
        found = [record.url for record in inbox.behind(taken, lines_of_sitemap)]
    whole = [f"http://{log.path.name}/0", *(f"http://a/sitemap.xml#{n}" for n in range(4))]
    assert found == [*whole, f"http://{log.path.name}/1"][taken:]


def test_with_a_sitemap_lost_records_are_reported_too(log: Log, path: Path) -> None:
    """How many lines it has is not known, but how many records came is."""
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, log.send_line(InputLine("http://a/s.xml", sitemap=0)))
        kept = path.stat().st_size
        inbox.collect(7, log.path, log.send(2))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StateError, match="has lost 2 records"):
        Inbox(path, ME, {7: 3})


# beginning again


def test_an_inbox_begins_again(log: Log, path: Path, tmp_path: Path) -> None:
    another = Log(tmp_path / "input.log")
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(-1, another.path, another.send(3))
        end = log.send(800)
        inbox.collect(7, log.path, end)
        assert not inbox.is_long
        end = log.send(2000)
        inbox.collect(7, log.path, end)
        assert inbox.is_long
        inbox.begin_again(taken=2803)
        assert not inbox.is_long
        new_end = log.send(1)
        inbox.collect(7, log.path, new_end)
    assert path.stat().st_size < LONG_BYTES / 100
    assert not list(tmp_path.glob("*.new"))
    with closing(Inbox(path, ME, {7: 2801, -1: 3})) as inbox:
        assert inbox.received == {7: 2801, -1: 3}
        assert inbox.read == {7: new_end, -1: another.path.stat().st_size}
        inbox.collect(7, log.path, end)
    assert urls(path, taken=2803) == expected(log, 2800)
    assert urls(path, taken=2804) == []
    with pytest.raises(StateError, match=r"inbox\.log: begins after what was taken; restore"):
        urls(path, taken=2802)


def test_a_draft_that_was_left_is_no_hindrance(log: Log, path: Path) -> None:
    path.with_name("inbox.log.new").write_bytes(b"of a session that was killed" * 20)
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, log.send(2))
        inbox.begin_again(taken=2)
    with closing(Inbox(path, ME, {7: 2})) as inbox:
        assert inbox.received == {7: 2}
    assert urls(path, taken=2) == []


def test_a_kill_while_it_begins_again_loses_nothing(log: Log, path: Path) -> None:
    end = log.send(3)
    with closing(Inbox(path, ME)) as inbox:
        inbox.collect(7, log.path, end)
    before = path.read_bytes()
    outcomes = set()
    for lines in range(100):
        path.write_bytes(before)
        is_over = not is_killed(
            lambda: Inbox(path, ME), lambda found: found.begin_again(3), {inboxes.__file__}, lines
        )
        outcomes.add(path.read_bytes() == before)
        with closing(Inbox(path, ME, {7: 3})) as inbox:
            assert (inbox.received, inbox.read) == ({7: 3}, {7: end})
        assert urls(path, taken=3) == []
        if is_over:
            break
    assert outcomes == {True, False}
