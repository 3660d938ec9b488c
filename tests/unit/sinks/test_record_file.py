"""Records are read back as far as they were committed, from plain and compressed files."""

from pathlib import Path

import pytest
from support.format_writer import page

from crawler.model.errors import StateError
from crawler.sinks.base import SinkTarget
from crawler.sinks.formats import format_of, make_sink
from crawler.sinks.record_file import OPENERS, RecordFile, suffix_of


@pytest.fixture(params=sorted(OPENERS))
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"pages{request.param}"


def write(path: Path, *counts: int) -> list[int]:
    """Write pages, so many before each commit; return the offsets of the commits."""
    sink = make_sink(format_of(path), SinkTarget("pages", path))
    offsets = []
    for count in counts:
        sink.writer.append(b"".join([sink.encoder.encode(page(number)) for number in range(count)]))
        offsets.append(sink.writer.commit())
    sink.writer.close()
    return offsets


def test_only_what_was_committed_is_read(path: Path) -> None:
    first, second = write(path, 3, 4)
    assert b"".join(RecordFile(path, first).blocks(100)).count(b"\n") == 3
    assert b"".join(RecordFile(path, second).blocks(100)).count(b"\n") == 7
    assert list(RecordFile(path, 0).blocks(100)) == []
    assert list(RecordFile(path.with_name("missing"), 0).blocks(100)) == []


@pytest.mark.parametrize("most", [1, 100, 1000, 1 << 20])
def test_a_block_has_whole_lines(path: Path, most: int) -> None:
    (offset,) = write(path, 20)
    blocks = list(RecordFile(path, offset).blocks(most))
    assert all(block.endswith(b"}\n") and block.startswith(b'{"url"') for block in blocks)
    assert b"".join(blocks).count(b"\n") == 20


@pytest.mark.parametrize("damage", [b"", b"\xff" * 200, b"torn"])
def test_a_damaged_file_is_named(path: Path, damage: bytes) -> None:
    (offset,) = write(path, 20)
    path.write_bytes(path.read_bytes()[: offset // 2] + damage)
    size = path.stat().st_size
    with pytest.raises(StateError, match=rf"{path.name}: "):
        [block.decode() for block in RecordFile(path, size).blocks(1000)]
    with pytest.raises(StateError, match=rf"has {size} bytes, but {size + 1} were written"):
        list(RecordFile(path, size + 1).blocks(1000))


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(StateError, match=rf"{path.name}: No such file"):
        list(RecordFile(path, 1).blocks(1000))


def test_other_formats_cannot_be_read() -> None:
    assert suffix_of(Path("x.csv")) is None
    assert suffix_of(Path("x.jsonl.gz")) == ".jsonl.gz"
