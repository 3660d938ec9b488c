"""One suite for all sinks: they write what is appended, in order, and commit returns its size."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from crawler.model.errors import FailureKind, StateError
from crawler.model.pages import Failure, Page
from crawler.sinks.base import Encoder, UnreadError, Writer
from crawler.sinks.file import FileWriter
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sinks.stdout import StdoutWriter
from crawler.sinks.stream import RecordEncoder, StreamWriter, decode


class Place:
    """A sink's writer, and a function that reads what it wrote."""

    def __init__(self, writer: Writer, read: Callable[[], bytes]) -> None:
        self.writer = writer
        self.read = read


@contextmanager
def file_place(tmp_path: Path) -> Iterator[Place]:
    path = tmp_path / "deep" / "pages.jsonl"
    writer = FileWriter(path)
    yield Place(writer, path.read_bytes)
    writer.close()


@contextmanager
def stdout_place() -> Iterator[Place]:
    reading, writing = os.pipe()
    writer = StdoutWriter(writing)
    yield Place(writer, lambda: os.read(reading, 1000))
    writer.close()
    os.close(writing)
    os.close(reading)


@contextmanager
def stream_place() -> Iterator[Place]:
    writer = StreamWriter()

    def read() -> bytes:
        writer.close()
        chunks = []
        while (chunk := writer.read_chunk()) is not None:
            chunks.append(chunk)
        return b"".join(chunks)

    yield Place(writer, read)
    writer.abandon()


@pytest.fixture(params=["file", "stdout", "stream"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    make = {
        "file": lambda: file_place(tmp_path),
        "stdout": stdout_place,
        "stream": stream_place,
    }
    with make[request.param]() as place:
        yield place


def test_chunks_come_out_whole_and_in_order(place: Place) -> None:
    for chunk in (b"one\n", b"two\n"):
        place.writer.append(chunk)
    assert place.writer.commit() == 8
    assert place.read() == b"one\ntwo\n"


@pytest.mark.parametrize("place", ["stdout", "stream"], indirect=True)
def test_bytes_sent_to_a_reader_cannot_be_cut(place: Place) -> None:
    assert not place.writer.can_cut
    place.writer.append(b"gone\n")
    offset = place.writer.commit()
    place.writer.cut(offset)
    for other in (offset - 1, offset + 1, 0):
        with pytest.raises(StateError, match="cannot be cut"):
            place.writer.cut(other)


@pytest.mark.promise("P35")
def test_a_file_is_cut_to_an_earlier_commit(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    with closing(FileWriter(path)) as writer:
        assert writer.can_cut
        writer.append(b"kept\n")
        offset = writer.commit()
        writer.append(b"torn")
        writer.cut(offset)
        writer.append(b"next\n")
        assert writer.commit() == 10
    assert path.read_bytes() == b"kept\nnext\n"


@pytest.mark.promise("P35")
def test_a_resumed_file_is_cut_then_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b"kept\ntorn")
    with closing(FileWriter(path, resumed=True)) as writer:
        assert writer.commit() == 9
        writer.cut(5)
        assert path.read_bytes() == b"kept\n"
        writer.append(b"next\n")
        assert writer.commit() == 10
    assert path.read_bytes() == b"kept\nnext\n"


def test_a_file_shorter_than_committed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b"kept\n")
    says = r"pages\.jsonl: has 5 bytes, but 6 were written"
    with closing(FileWriter(path, resumed=True)) as writer, pytest.raises(StateError, match=says):
        writer.cut(6)
    assert path.read_bytes() == b"kept\n"


@pytest.mark.promise("P35")
def test_a_missing_file_is_created_on_resume(tmp_path: Path) -> None:
    with closing(FileWriter(tmp_path / "pages.jsonl", resumed=True)) as writer:
        writer.cut(0)
        assert writer.commit() == 0


PAGE = Page(
    url="http://a.example/",
    final_url="http://a.example/b",
    status=200,
    content_type="text/html",
    fetched_at="2026-01-01T00:00:00Z",
    elapsed_ms=1.5,
    bytes=3,
    digest="00",
    depth=0,
    title="Grüße\n\u2028",
    links=("http://a.example/c",),
    fields={"price": [1, 2.5, None]},
)


@pytest.mark.parametrize(
    ("encoder", "pages"),
    [
        (
            JsonlEncoder(),
            lambda data: [msgspec.json.decode(line, type=Page) for line in data.splitlines()],
        ),
        (RecordEncoder(), lambda data: list(decode(data))),
    ],
)
def test_encoded_pages_can_be_joined_and_decoded(
    encoder: Encoder, pages: Callable[[bytes], list[Page]]
) -> None:
    other = msgspec.structs.replace(PAGE, url="http://a.example/2", html="<p>\r\n</p>")
    assert pages(encoder.encode(PAGE) + encoder.encode(other)) == [PAGE, other]


def test_a_stream_has_pages_and_failures() -> None:
    failure = Failure("http://a.example/x", FailureKind.STATUS, "404", 1, 404, {"line": 3})
    encode = RecordEncoder().encode
    assert list(decode(encode(PAGE) + encode(failure) + encode(PAGE))) == [PAGE, failure, PAGE]


def test_a_json_line_has_the_documented_keys() -> None:
    record = msgspec.json.decode(JsonlEncoder().encode(PAGE))
    assert " ".join(record) == (
        "url final_url status content_type fetched_at elapsed_ms bytes digest depth encoding title "
        "description lang canonical links fields"
    )


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text("mine")
    with pytest.raises(StateError, match="File exists"):
        FileWriter(path)
    assert path.read_text() == "mine"


@pytest.mark.promise("P37")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_reported_with_the_path(tmp_path: Path) -> None:
    writer = FileWriter(tmp_path / "pages.jsonl")
    writer._path = Path("/dev/full")
    os.dup2(os.open("/dev/full", os.O_WRONLY), writer._file.fileno())
    with pytest.raises(StateError, match="/dev/full: No space left on device"):
        writer.append(b"x")
    writer.close()


def test_a_closed_standard_output_is_reported() -> None:
    reading, writing = os.pipe()
    writer = StdoutWriter(writing)
    os.close(reading)
    with pytest.raises(StateError, match="closed by its reader"):
        writer.append(b"x")
    writer.close()
    os.close(writing)


@pytest.mark.promise("P69")
def test_a_standard_output_that_is_not_read_delays_no_end() -> None:
    reading, writing = os.pipe()
    writer = StdoutWriter(writing)
    chunk = b"x" * 1_000_000
    with ThreadPoolExecutor(1) as thread:
        appended = thread.submit(writer.append, chunk)
        assert os.read(reading, 1) == b"x"
        writer.hurry()
        with pytest.raises(UnreadError, match="standard output is not read"):
            appended.result(timeout=10)
    assert 0 < writer.commit() < len(chunk)
    writer.close()
    os.close(writing)
    os.close(reading)
