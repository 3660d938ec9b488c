"""Lists as people write them, and how a source hands them on."""

import io
import threading
from pathlib import Path

import pytest

from crawler.errors import UsageError
from crawler.sources import AHEAD, SourceReader, Wanted, lines, parse


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


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"http://a.example/\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    assert list(lines(["-"])) == ["http://a.example/"]


def test_a_missing_file_a_directory_and_a_host_without_scheme_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        lines([str(tmp_path / "missing")])
    with pytest.raises(UsageError, match="is a directory"):
        lines([str(tmp_path)])
    with pytest.raises(UsageError, match=r"write http://example\.com"):
        lines(["example.com"])


def test_binary_is_shown_and_refused_line_by_line(tmp_path: Path) -> None:
    path = write(tmp_path / "list", b"\x00\xff\xfe\x1b[31m\nhttp://a.example/\n")
    bad, good = [parse(line) for line in lines([path])]
    assert bad.wrong
    assert bad.url.isprintable()
    assert good == Wanted("http://a.example/")


def test_a_file_that_is_one_endless_line_is_read_in_pieces(tmp_path: Path) -> None:
    path = write(tmp_path / "list", b"@" * 3_000_000)
    wanted = [parse(line) for line in lines([path])]
    assert len(wanted) == 3
    assert all(line.wrong and len(line.url) <= 600 for line in wanted)


def test_p05_userinfo_never_stays_in_the_url_or_in_a_complaint() -> None:
    assert parse("http://user:secret@a.example/x#frag") == Wanted(
        "http://a.example/x", "user:secret"
    )
    wrong = parse("ftp://user:secret@a.example/x")
    assert wrong.wrong
    assert "secret" not in wrong.url + wrong.wrong


def read_all(reader: SourceReader) -> list[Wanted]:
    more = threading.Event()
    reader.changed = more.set
    reader.failed = lambda error: pytest.fail(str(error))
    reader.start()
    taken: list[Wanted] = []
    while not reader.exhausted:
        batch = reader.take()
        taken += batch
        if not batch:
            assert more.wait(10)
            more.clear()
    return taken


def test_every_line_is_handed_on_once_and_in_order() -> None:
    urls = [f"http://a.example/{number}" for number in range(5 * AHEAD)]
    assert [wanted.url for wanted in read_all(SourceReader(urls))] == urls


def test_a_source_is_read_no_further_ahead_than_it_may() -> None:
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
    reader.changed = lambda: None
    reader.failed = lambda error: pytest.fail(str(error))
    reader.start()
    assert reached.wait(10)
    assert not reader.exhausted
    assert drawn == AHEAD + 1
    reader.stop()


def test_a_line_is_handed_on_while_the_next_is_still_to_come() -> None:
    come = threading.Event()

    def trickle() -> object:
        yield "http://a.example/1"
        assert come.wait(10)
        yield "http://a.example/2"

    first = threading.Event()
    reader = SourceReader(trickle())  # type: ignore[arg-type]
    reader.changed = first.set
    reader.failed = lambda error: pytest.fail(str(error))
    reader.start()
    assert first.wait(10)
    assert [wanted.url for wanted in reader.take()] == ["http://a.example/1"]
    come.set()


def test_an_error_in_the_callers_own_lines_reaches_the_crawl() -> None:
    def broken() -> object:
        yield "http://a.example/"
        raise ValueError("their bug")

    failed: list[Exception] = []
    ended = threading.Event()
    reader = SourceReader(broken())  # type: ignore[arg-type]
    reader.changed = lambda: None
    reader.failed = lambda error: (failed.append(error), ended.set())  # type: ignore[func-returns-value, assignment]
    reader.start()
    assert ended.wait(10)
    assert str(failed[0]) == "their bug"
