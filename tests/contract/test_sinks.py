"""One suite for all sinks: what is appended comes out, in order, and commits say how much."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from crawler.errors import StateError
from crawler.model import Page
from crawler.sinks.base import Encoder, Writer
from crawler.sinks.file import FileWriter
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sinks.stdout import StdoutWriter
from crawler.sinks.stream import PageEncoder, StreamWriter, decode

CANNOT_CUT = {"stdout", "stream"}
"""What has left for a reader cannot be called back; a file can."""


class Place:
    """A sink's writer and a way to read what came out of it."""

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


def test_an_output_is_cut_to_an_earlier_commit_or_says_that_it_cannot(
    place: Place, request: pytest.FixtureRequest
) -> None:
    place.writer.append(b"kept\n")
    offset = place.writer.commit()
    place.writer.append(b"torn")
    if request.node.callspec.params["place"] in CANNOT_CUT:
        with pytest.raises(StateError, match="cannot be cut"):
            place.writer.cut(offset)
        return
    place.writer.cut(offset)
    place.writer.append(b"next\n")
    assert place.writer.commit() == 10
    assert place.read() == b"kept\nnext\n"


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
        (PageEncoder(), lambda data: list(decode(data))),
    ],
)
def test_what_is_encoded_can_be_concatenated_and_read_back(
    encoder: Encoder, pages: Callable[[bytes], list[Page]]
) -> None:
    other = msgspec.structs.replace(PAGE, url="http://a.example/2", html="<p>\r\n</p>")
    assert pages(encoder.encode(PAGE) + encoder.encode(other)) == [PAGE, other]


def test_a_json_line_has_the_documented_keys_in_their_order() -> None:
    record = msgspec.json.decode(JsonlEncoder().encode(PAGE))
    assert " ".join(record) == (
        "url final_url status content_type fetched_at elapsed_ms bytes digest depth encoding title "
        "description lang canonical links fields"
    )


def test_a_file_that_exists_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text("mine")
    with pytest.raises(StateError, match="File exists"):
        FileWriter(path)
    assert path.read_text() == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_p37_a_full_disk_is_said_with_the_place(tmp_path: Path) -> None:
    writer = FileWriter(tmp_path / "pages.jsonl")
    writer._path = Path("/dev/full")
    os.dup2(os.open("/dev/full", os.O_WRONLY), writer._file.fileno())
    with pytest.raises(StateError, match="/dev/full: No space left on device"):
        writer.append(b"x")
    writer.close()


def test_a_reader_that_left_standard_output_ends_the_crawl_in_words() -> None:
    reading, writing = os.pipe()
    writer = StdoutWriter(writing)
    os.close(reading)
    with pytest.raises(StateError, match="closed by its reader"):
        writer.append(b"x")
    writer.close()
    os.close(writing)
