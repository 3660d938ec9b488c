"""Standard input copied into the run, and read again after a kill."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.errors import StateError, UsageError
from crawler.sources import CutInputError, InputCopy, Pipe, lines, parse, read_copy, read_part


@contextmanager
def pipe() -> Iterator[tuple[io.FileIO, int]]:
    """The end to read, and the one to write, which the caller closes."""
    out, into = os.pipe()
    with io.FileIO(out) as stream:
        yield stream, into


def test_copied_lines_are_available_at_once(tmp_path: Path) -> None:
    with pipe() as (stream, into):
        copy = InputCopy(stream, tmp_path / "part", tmp_path / "stdin")
        copy.start()
        found = lines(["-"], stdin=copy.open)
        for number in range(3):
            os.write(into, b"http://a.example/%d\n" % number)
            assert next(found) == f"http://a.example/{number}"
        os.write(into, b"http://a.example/last")
        os.close(into)
        assert list(found) == ["http://a.example/last"]
    assert (tmp_path / "stdin").read_bytes().endswith(b"/2\nhttp://a.example/last\n")


def test_the_pipe_is_drained_without_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "stdin"
    data = b"http://a.example/\n" * 200_000
    with pipe() as (stream, into):
        copy = InputCopy(stream, tmp_path / "part", path)
        copy.start()
        with io.BufferedWriter(io.FileIO(into, "w")) as end:
            end.write(data)  # far more than a pipe holds: this ends only if somebody takes it
        assert not copy.wait(len(data))
    assert path.read_bytes() == data


def test_the_copy_is_private(tmp_path: Path) -> None:
    path = tmp_path / "stdin"
    before = os.umask(0)
    try:
        with io.FileIO(os.devnull) as stream:
            copy = InputCopy(stream, tmp_path / "part", path)
            copy.start()
            assert not copy.wait(0)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_non_blocking_pipe_is_waited_for(tmp_path: Path) -> None:
    with pipe() as (stream, into):
        os.set_blocking(stream.fileno(), False)
        copy = InputCopy(stream, tmp_path / "part", tmp_path / "stdin")
        copy.start()
        with copy.open() as file:
            os.write(into, b"one\n")
            assert file.readline() == b"one\n"
            os.write(into, b"two\n")
            assert file.readline() == b"two\n"
            os.close(into)
            assert file.readline() == b""


class Torn(io.RawIOBase):
    """Gives a line, then what ``error`` says."""

    def __init__(self, error: Exception) -> None:
        self._given = False
        self._error = error

    def read(self, size: int = -1, /) -> bytes:
        if self._given:
            raise self._error
        self._given = True
        return b"http://a.example/\n"


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("a bug")])
def test_an_error_follows_the_copied_lines(tmp_path: Path, error: Exception) -> None:
    copy = InputCopy(Torn(error), tmp_path / "part", tmp_path / "stdin")
    copy.start()
    file = copy.open()
    assert file.readline() == b"http://a.example/\n"
    with pytest.raises((StateError, ValueError), match=r"Input/output|a bug"):
        file.readline()


@pytest.mark.promise("P37")
def test_a_full_disk_ends_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "stdin"
    code = f"""
import io, resource, signal
from pathlib import Path
from crawler.sources import InputCopy, lines
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
copy = InputCopy(io.FileIO(0, closefd=False), Path({str(path)!r}), Path("/never"))
copy.start()
list(lines(["-"], stdin=copy.open))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"http://a.example/\n" * 100, capture_output=True
    )
    assert f"StateError: {path}: File too large".encode() in done.stderr


@pytest.mark.promise("P35")
@pytest.mark.parametrize("kill", [True, False])
def test_copied_input_survives_a_kill(tmp_path: Path, kill: bool) -> None:
    part, whole = tmp_path / "part", tmp_path / "stdin"
    code = f"""
import io
from pathlib import Path
from crawler.sources import InputCopy, lines
copy = InputCopy(io.FileIO(0, closefd=False), Path({str(part)!r}), Path({str(whole)!r}))
copy.start()
copy.wait(25)
print("arrived", flush=True)
for line in lines(["-"], stdin=copy.open): pass
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"http://a.example/1\nhttp://a.example/torn")
        process.stdin.flush()
        assert process.stdout.readline() == b"arrived\n"
        if kill:
            process.send_signal(signal.SIGKILL)
    assert (part.exists(), whole.exists()) == (kill, not kill)
    for _ in range(2):
        if kill:
            found = lines(["-"], stdin=lambda: read_part(part))
            assert next(found) == "http://a.example/1"
            with pytest.raises(CutInputError):
                next(found)
        else:
            found = lines(["-"], stdin=lambda: read_copy(whole))
            assert list(found) == ["http://a.example/1", "http://a.example/torn"]


def test_waiting_for_input_does_not_block_shutdown(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from crawler.sources import InputCopy, standard_input
copy = InputCopy(standard_input(), Path({str(tmp_path / "part")!r}), Path("/never"))
copy.start()
copy.wait(0)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"x")
    process.stdin.flush()
    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stdin.close()
    process.stderr.close()


@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\n", b""))), st.binary())
def test_a_copy_is_cut_to_its_whole_lines(parts: list[bytes], tail: bytes) -> None:
    whole = b"".join(part + b"\n" for part in parts)
    content = whole + tail.replace(b"\n", b"")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder, "stdin")
        path.write_bytes(content)
        if not content:
            with pytest.raises(StateError, match="is empty"):
                read_copy(path)
            return
        with read_copy(path) as file:
            assert file.read() == whole


@pytest.mark.promise("P83")
@pytest.mark.parametrize("code", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("tail", ["", "x", "\u0a0a", "\u0a41\u0100\u0a41", "y" * 70_000])
@pytest.mark.parametrize("half", [b"", b"\n", b"\x00"])
def test_a_part_is_cut_to_its_whole_lines(
    tmp_path: Path, code: str, end: str, tail: str, half: bytes
) -> None:
    """Half a character, or the bytes of two, may look like a line end in UTF-16."""
    part = tmp_path / "stdin.part"
    whole = f"\ufeffhttp://a.example/{end}http://b.example/{end}".encode(code)
    part.write_bytes(whole + tail.encode(code) + (half if code != "utf-8" else b""))
    with read_part(part) as file, pytest.raises(CutInputError):
        while file.read1():
            pass
    assert part.read_bytes() == whole


@pytest.mark.promise("P83")
@pytest.mark.parametrize("code", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("cut", [0, 1])
def test_a_whole_copy_ends_with_a_line_end(tmp_path: Path, code: str, cut: int) -> None:
    text = "\ufeffhttp://a.example/\nhttp://b.example/".encode(code)
    with pipe() as (stream, into):
        copy = InputCopy(stream, tmp_path / "part", tmp_path / "stdin")
        copy.start()
        os.write(into, text[: len(text) - cut])
        os.close(into)
        copy.finish()
        copied = copy.open().read()
    assert copied.endswith("\n".encode(code))
    first, second = map(parse, lines(["-"], stdin=lambda: io.BytesIO(copied)))
    assert first.url == "http://a.example/"
    assert (second.wrong is not None) == (cut == 1 and code != "utf-8")


def test_a_long_torn_line_is_cut_too(tmp_path: Path) -> None:
    path = tmp_path / "stdin"
    path.write_bytes(b"whole\n" + b"x" * 300_000)
    with read_copy(path) as file:
        assert file.read() == b"whole\n"


def test_several_readers_may_follow_the_copy(tmp_path: Path) -> None:
    with pipe() as (stream, into):
        copy = InputCopy(stream, tmp_path / "part", tmp_path / "stdin")
        copy.start()
        found: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: found.append(copy.open().read())) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        os.write(into, b"a\n")
        os.close(into)
        for thread in threads:
            thread.join()
    assert found == [b"a\n"] * 3


def left(tmp_path: Path, data: bytes) -> Path:
    """The part of the input that a killed process left."""
    part = tmp_path / "part"
    part.write_bytes(data)
    return part


def given(tmp_path: Path, data: bytes) -> InputCopy:
    """The copy of the input that has ``data``, given again after ``left``."""
    with pipe() as (stream, into):
        copy = InputCopy(stream, tmp_path / "part", tmp_path / "stdin")
        copy.start()
        with io.FileIO(into, "w") as end:
            end.write(data)
        with copy.open() as file, suppress(UsageError):
            file.read()
        return copy


@pytest.mark.promise("P49")
@pytest.mark.parametrize("torn", [b"", b"three"])
def test_the_input_given_again_continues_its_part(tmp_path: Path, torn: bytes) -> None:
    left(tmp_path, b"one\ntwo\n" + torn)
    copy = given(tmp_path, b"one\ntwo\nthirty\nfour")
    with copy.open() as file:
        assert file.read() == b"one\ntwo\nthirty\nfour\n"
    assert {each.name for each in tmp_path.iterdir()} == {"stdin", "stdin.end"}


@pytest.mark.promise("P48", "P49")
@pytest.mark.parametrize("data", [b"", b"one\n", b"one\ntw0\nthree\n", b"two\none\n", b"three\n"])
def test_another_input_given_again_is_refused(tmp_path: Path, data: bytes) -> None:
    part = left(tmp_path, b"one\ntwo\n")
    with given(tmp_path, data).open() as file:
        assert [file.readline(), file.readline()] == [b"one\n", b"two\n"]
        with pytest.raises(UsageError, match=r"is not the same as before.*part$"):
            file.readline()
    assert part.read_bytes() == b"one\ntwo\n"
    assert not (tmp_path / "stdin").exists()


def test_a_large_part_is_compared_piece_by_piece(tmp_path: Path) -> None:
    lines = b"".join(b"http://a.example/%d\n" % number for number in range(30_000))
    left(tmp_path, lines[:400_000])
    given(tmp_path, lines)
    assert (tmp_path / "stdin").read_bytes() == lines


@pytest.mark.promise("P49")
def test_a_table_ends_before_a_row_that_may_be_incomplete(tmp_path: Path) -> None:
    part = left(tmp_path, b'url,note\nhttp://a.example/,x\nhttp://b.example/,"two\n')
    found = lines(["-"], "url", stdin=lambda: read_part(part))
    assert [next(found).url] == ["http://a.example/"]  # type: ignore[union-attr]
    with pytest.raises(CutInputError):
        next(found)


def test_a_named_pipe_is_opened_by_the_first_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    copy = InputCopy(Pipe(tmp_path / "pipe"), tmp_path / "part", tmp_path / "whole")
    copy.start()
    (tmp_path / "pipe").write_bytes(b"one\n")
    with copy.open() as file:
        assert file.read() == b"one\n"


@pytest.mark.promise("P49")
@pytest.mark.parametrize("stops_first", [True, False])
def test_an_end_beside_the_stop_of_the_crawl_is_doubted(tmp_path: Path, stops_first: bool) -> None:
    with pipe() as (stream, into):
        copy = InputCopy(stream, tmp_path / "part", tmp_path / "stdin")
        copy.start()
        with copy.open() as file:
            os.write(into, b"one\ntorn")
            assert file.readline() == b"one\n"
            if stops_first:
                copy.stop()
            os.close(into)
            copy.stop()
            with pytest.raises(CutInputError):
                file.readline()
    assert (tmp_path / "part").read_bytes() == b"one\ntorn"
    assert not (tmp_path / "stdin").exists()


def test_lines_do_not_wait_until_their_end_is_certain(tmp_path: Path) -> None:
    with pipe() as (stream, into):
        os.write(into, b"one\n")
        os.close(into)
        copy = InputCopy(stream, tmp_path / "part", tmp_path / "stdin")
        copy.start()
        with copy.open() as file:
            assert file.readline() == b"one\n"
            copy.stop()
            with pytest.raises(CutInputError):
                file.readline()
