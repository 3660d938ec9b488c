import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator

import msgspec
import pytest

from crawler.metrics.meter import Snapshot
from crawler.reporting.progress import Progress, line

SNAPSHOT = Snapshot(
    elapsed=5.0,
    done=4150,
    failed=12,
    skipped=48,
    pending=6290,
    total=10_500,
    in_flight=64,
    rate=846.0,
    bytes=1,
)


def test_the_line_says_how_far_the_crawl_is() -> None:
    text = line(SNAPSHOT, 100)
    for part in ("4,210 of 10,500", "40 %", "846/s", "12 failed", "64 in flight", "7 s left"):
        assert part in text
    assert text.count("━") == 8 and text.count("─") == 12


def test_the_bar_fills_the_free_width() -> None:
    bars = {width: sum(line(SNAPSHOT, width).count(sign) for sign in "━─") for width in (65, 79)}
    assert bars == {65: 0, 79: 14}
    assert len(line(SNAPSHOT, 79)) == 79


def test_an_unknown_total_shows_no_percentage() -> None:
    text = line(msgspec.structs.replace(SNAPSHOT, total=None), 100)
    assert "4,210 finished" in text
    assert not any(word in text for word in ("%", "of", "left", "━"))


@pytest.mark.promise("P45")
def test_hosts_that_do_not_answer_are_shown() -> None:
    one = msgspec.structs.replace(SNAPSHOT, resting=1, silent="a.example")
    assert "waiting for a.example" in line(one, 100)
    assert "waiting for 20 hosts" in line(msgspec.structs.replace(one, resting=20), 100)


def test_without_a_rate_no_time_is_shown() -> None:
    assert "left" not in line(msgspec.structs.replace(SNAPSHOT, rate=0.0), 100)


def test_an_unfinished_crawl_shows_less_than_100_percent() -> None:
    almost = msgspec.structs.replace(SNAPSHOT, done=10_439)
    assert "99 %" in line(almost, 100)


def test_an_empty_crawl_has_a_line_too() -> None:
    nothing = Snapshot(0.0, 0, 0, 0, 0, 0, 0, 0.0, 0)
    assert "0 of 0" in line(nothing, 100)


@pytest.mark.parametrize("width", range(120))
def test_the_line_fits_the_terminal(width: int) -> None:
    text = line(SNAPSHOT, width)
    assert len(text) <= width
    assert text.startswith("4,210 of 10,500"[:width])


class Terminal:
    """Both ends of a pseudo-terminal of 60 columns."""

    def __init__(self) -> None:
        self._shown, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 60, 0, 0))
        self.stream = os.fdopen(slave, "w", encoding="utf-8")

    def seen(self) -> str:
        return os.read(self._shown, 65536).decode()

    def close(self) -> None:
        self.stream.close()
        os.close(self._shown)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_a_terminal_shows_one_line_and_clears_it(terminal: Terminal) -> None:
    with Progress(terminal.stream) as progress:
        progress.draw(SNAPSHOT)
        first = terminal.seen()
        progress.draw(SNAPSHOT)
        assert terminal.seen() == first
    assert terminal.seen() == "\r\x1b[K"
    assert first.startswith("\r\x1b[K4,210 of 10,500") and "\n" not in first
    assert len(first) - len("\r\x1b[K") < 60


def test_clear_writes_nothing_without_a_line(terminal: Terminal) -> None:
    with Progress(terminal.stream) as progress:
        progress.draw(SNAPSHOT)
        terminal.seen()
        progress.clear()
        terminal.seen()
    terminal.stream.write("end")
    terminal.stream.flush()
    assert terminal.seen() == "end"


def test_quiet_and_dumb_terminals_show_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not Progress(terminal.stream, quiet=True).shown
    monkeypatch.setenv("TERM", "dumb")
    assert not Progress(terminal.stream).shown


def test_a_file_shows_no_progress() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.draw(SNAPSHOT)
    assert stream.getvalue() == ""
