"""Lists as people write them, and how a source hands them on."""

import io
import os
import subprocess
import sys
import threading
import tracemalloc
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.model.errors import StateError, UsageError
from crawler.sources import AHEAD, InputLine, SourceReader, lines, parse


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def test_comments_blanks_and_marks_are_left_out(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf# mine\r\nhttp://a.example/ \r\n\r\n  http://b.example/\n#x\n"
    path = write(tmp_path / "list", data)
    assert list(lines([path])) == ["http://a.example/", "http://b.example/"]


def test_arguments_are_urls_or_files(tmp_path: Path) -> None:
    path = write(tmp_path / "list", b"http://b.example/\n")
    assert list(lines(["http://a.example/", path])) == ["http://a.example/", "http://b.example/"]


def test_a_dash_is_standard_input() -> None:
    stdin = io.BytesIO(b"http://a.example/\n")
    found = lines(["http://b.example/", "-"], stdin=lambda: stdin)
    assert list(found) == ["http://b.example/", "http://a.example/"]


def test_a_dash_reads_the_process_input() -> None:
    code = "from crawler.sources import lines; print(*lines(['-']))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"http://a.example/\n#\n", capture_output=True
    )
    assert (done.stdout, done.stderr) == (b"http://a.example/\n", b"")


def test_a_closed_standard_input_is_refused() -> None:
    code = "import os; os.close(0); from crawler.sources import lines; list(lines(['-']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "UsageError: -: standard input is closed" in done.stderr


def test_impossible_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        lines([str(tmp_path / "missing")])
    with pytest.raises(UsageError, match="is a directory"):
        lines([str(tmp_path)])
    with pytest.raises(UsageError, match=r"write http://example\.com"):
        lines(["example.com"])


def test_binary_lines_are_refused_one_by_one(tmp_path: Path) -> None:
    path = write(tmp_path / "list", b"\x00\xff\xfe\x1b[31m\nhttp://a.example/\n")
    bad, good = [parse(line) for line in lines([path])]
    assert bad.wrong
    assert bad.url.isprintable()
    assert good == InputLine("http://a.example/")


def test_an_endless_line_is_one_failure(tmp_path: Path) -> None:
    path = write(tmp_path / "list", b"@" * 3_000_000 + b"http://a.example/")
    (line,) = map(parse, lines([path]))
    assert line.wrong
    assert len(line.url) <= 600


@pytest.mark.promise("P05")
def test_userinfo_stays_out_of_urls_and_messages() -> None:
    assert parse("http://user:secret@a.example/x#frag") == InputLine(
        "http://a.example/x", "user:secret"
    )
    wrong = parse("ftp://user:secret@a.example/x")
    assert wrong.wrong
    assert "secret" not in wrong.url + wrong.wrong


def test_a_named_pipe_is_read_in_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found = lines([str(path)])  # would wait here for somebody to write, and so would the test

    def write() -> None:
        path.write_bytes(b"<!-- no file to look into -->\nhttp://a.example/\n")

    writer = threading.Thread(target=write)
    writer.start()
    assert list(found)[1:] == ["http://a.example/"]
    writer.join()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_sources_are_opened_one_at_a_time(tmp_path: Path) -> None:
    path = write(tmp_path / "list", b"http://a.example/\n")
    found = lines([path] * 3000)
    before = open_files()
    assert len(list(found)) == 3000
    assert open_files() == before


def peak_of(path: str) -> int:
    """Bytes of memory that reading the file takes."""
    found = lines([path])
    tracemalloc.start()
    try:
        deque(map(parse, found), maxlen=0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", ["txt", "csv"])
def test_memory_does_not_grow_with_the_list(tmp_path: Path, suffix: str) -> None:
    row = b"http://a.example/some/path/to/a/page,1\n"
    short = write(tmp_path / f"short.{suffix}", b"url,n\n" + row * 3_000)
    long = write(tmp_path / f"long.{suffix}", b"url,n\n" + row * 20_000)
    peak_of(short)
    assert peak_of(long) < peak_of(short) + 50_000


def read_all(reader: SourceReader) -> list[InputLine]:
    more = threading.Event()
    reader.start(more.set, lambda error: pytest.fail(str(error)))
    taken: list[InputLine] = []
    while not reader.exhausted:
        batch = reader.take()
        taken += batch
        if not batch:
            assert more.wait(10)
            more.clear()
    return taken


def test_every_line_is_passed_on_in_order() -> None:
    urls = [f"http://a.example/{number}" for number in range(5 * AHEAD)]
    assert [wanted.url for wanted in read_all(SourceReader(urls))] == urls


def test_lines_of_earlier_sessions_are_dropped() -> None:
    urls = [f"http://a.example/{number}" for number in range(5 * AHEAD)]
    assert [wanted.url for wanted in read_all(SourceReader(urls, skip=2000))] == urls[2000:]
    assert read_all(SourceReader(urls, skip=len(urls))) == []


def test_an_input_that_has_become_shorter_is_refused() -> None:
    failed: list[Exception] = []
    ended = threading.Event()
    reader = SourceReader(["http://a.example/"], skip=2)
    reader.start(ended.set, failed.append)
    assert ended.wait(10)
    assert isinstance(failed[0], StateError)
    assert "has only 1 line, but 2 were read" in str(failed[0])


def test_reading_ahead_is_bounded() -> None:
    drawn = 0
    reached = threading.Event()

    def endless() -> object:
        nonlocal drawn
        while True:
            drawn += 1
            if drawn == AHEAD + 1:
                reached.set()
            yield "http://a.example/"

    reader = SourceReader(endless())  # type: ignore[arg-type]
    reader.start(lambda: None, lambda error: pytest.fail(str(error)))
    assert reached.wait(10)
    assert not reader.exhausted
    assert drawn == AHEAD + 1
    reader.stop()


def test_a_line_is_passed_on_at_once() -> None:
    come = threading.Event()

    def trickle() -> object:
        yield "http://a.example/1"
        assert come.wait(10)
        yield "http://a.example/2"

    first = threading.Event()
    reader = SourceReader(trickle())  # type: ignore[arg-type]
    reader.start(first.set, lambda error: pytest.fail(str(error)))
    assert first.wait(10)
    assert [wanted.url for wanted in reader.take()] == ["http://a.example/1"]
    come.set()


def test_errors_in_the_callers_lines_are_passed_on() -> None:
    def broken() -> object:
        yield "http://a.example/"
        raise ValueError("their bug")

    failed: list[Exception] = []
    ended = threading.Event()
    reader = SourceReader(broken())  # type: ignore[arg-type]
    reader.start(lambda: None, lambda error: (failed.append(error), ended.set()))  # type: ignore[func-returns-value, arg-type, return-value]
    assert ended.wait(10)
    assert str(failed[0]) == "their bug"


def test_an_input_that_fails_is_never_exhausted() -> None:
    """Else the crawl could end as if it had all lines, before it hears of the error."""

    def broken() -> Iterator[str]:
        raise ValueError("their bug")
        yield

    seen: list[bool] = []
    woken = threading.Event()
    reader = SourceReader(broken())
    reader.start(woken.set, lambda _: seen.append(reader.exhausted))
    assert woken.wait(10)
    assert [*seen, reader.exhausted] == [False, False]
