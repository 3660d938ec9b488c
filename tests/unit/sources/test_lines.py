"""Files as lines: line ends, encodings, pieces, and what is not a text."""

import bz2
import gzip
import io
import lzma
import random
import sqlite3
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.errors import UsageError
from crawler.sources import lines, parse
from crawler.sources.lines import LONGEST_LINE, blocks, text_lines

URLS = ["http://a.example/1", "http://b.example/2", "http://c.example/3"]


class Trickle(io.RawIOBase):
    """A stream that returns its pieces one by one."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = next(self._pieces, b"")
        buffer[: len(piece)] = piece
        return len(piece)


def trickle(*pieces: bytes) -> io.BufferedReader:
    return io.BufferedReader(Trickle([piece for piece in pieces if piece]))


def found(file: io.BufferedIOBase, **options: str) -> list[tuple[str, str | None]]:
    read = map(parse, lines(["-"], stdin=lambda: file, **options))
    return [(line.url, line.wrong) for line in read]


GOOD = [(url, None) for url in URLS]


@pytest.mark.promise("P83")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\r", "\r\r\n", "\n\n", "\x0b", "\u2028"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_line_ends_in_every_encoding(end: str, code: str) -> None:
    """UTF-16 has a mark here (utf-16: RFC 2781, 3.2), or is known by its zero bytes."""
    data = end.join([*URLS, ""]).encode(code)
    assert found(io.BytesIO(data)) == GOOD
    assert found(io.BytesIO(data.removesuffix(end.encode(code)))) == GOOD
    assert found(trickle(*(data[at : at + 1] for at in range(len(data))))) == GOOD


@pytest.mark.promise("P83")
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_have_the_numbers_of_an_editor(end: bytes) -> None:
    data = end.join([b"", b"http://a.example/\x0bx", b"#", b"y\xe2\x80\xa8z", b"", b"w"])
    for file in (io.BytesIO(data), trickle(*(data[at : at + 1] for at in range(len(data))))):
        wrong = {url: why for url, why in found(file) if why}
        places = {url: int(why.split(":")[0].split()[1]) for url, why in wrong.items()}
        assert places == {"x": 2, "y": 4, "z": 4, "w": 6}


@pytest.mark.promise("P83")
def test_marks_between_joined_files_are_dropped() -> None:
    assert found(io.BytesIO(b"".join(f"\ufeff{url}\n".encode() for url in URLS))) == GOOD
    joined = b"".join(f"\ufeff{url}\n".encode("utf-16-le") for url in URLS)
    assert found(io.BytesIO(joined)) == GOOD


@pytest.mark.promise("P83")
@pytest.mark.parametrize(
    "end", [b"\x00", b"\x00\xd8", b"x"], ids=["half", "half a pair", "half a letter"]
)
def test_utf_16_that_is_cut_is_a_failure(end: bytes) -> None:
    data = "\ufeffhttp://a.example/1\nhttp://b.example/".encode("utf-16-le") + end
    first, second = found(io.BytesIO(data))
    assert first == GOOD[0]
    assert second[1]


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"bc", b"\r\n"])), st.data())
def test_pieces_do_not_change_the_lines(parts: list[bytes], data: st.DataObject) -> None:
    text = b"# " + b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = text.splitlines()
    read = [line.rstrip("\r\n").encode() for line in text_lines(trickle(*pieces), "list")]
    assert read == whole


@pytest.mark.promise("P83")
def test_a_line_without_an_end_takes_little_memory() -> None:
    class Endless(io.RawIOBase):
        left = 1 << 26

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            size = min(self.left, len(buffer))
            self.left -= size
            buffer[:size] = b"x" * size
            return size

    tracemalloc.start()
    try:
        (block,) = blocks(io.BufferedReader(Endless()), "list")
        assert tracemalloc.get_traced_memory()[1] < 4 * LONGEST_LINE
    finally:
        tracemalloc.stop()
    assert LONGEST_LINE < len(block) < 2 * LONGEST_LINE


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 100)
    return file.getvalue()


def database(path: Path) -> bytes:
    sqlite3.connect(path).execute("CREATE TABLE urls (url)").connection.close()
    return path.read_bytes()


TEXT = "\n".join(URLS).encode()
KINDS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    # RFC 1952, bzip2 and xz by their programs' library; the others by their specifications.
    "gzip": (lambda _: gzip.compress(TEXT), "compressed with gzip.*gzip -dc"),
    "bzip2": (lambda _: bz2.compress(TEXT), "compressed with bzip2.*bzip2 -dc"),
    "xz": (lambda _: lzma.compress(TEXT), "compressed with xz.*xz -dc"),
    "zstd": (lambda _: b"\x28\xb5\x2f\xfd\x04\x00" + TEXT, "zstd -dc"),  # RFC 8878, 3.1.1
    "zip": (lambda _: zipped("urls.txt"), "a zip archive"),
    "empty zip": (lambda _: zipped(), "a zip archive"),
    "xlsx": (lambda _: zipped("[Content_Types].xml", "xl/workbook.xml"), "save .* as CSV"),
    "xls": (lambda _: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "save .* as CSV"),
    "pdf": (lambda _: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + TEXT, "a PDF.*text file"),
    "png": (lambda _: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a picture"),
    "jpeg": (lambda _: b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "a picture"),
    "sqlite": (lambda folder: database(folder / "db"), "an SQLite database.*export"),
    "parquet": (lambda _: b"PAR1\x15\x04\x15\x10" + TEXT + b"PAR1", "a Parquet file"),
    "tar": (lambda _: b"urls.txt".ljust(257, b"\0") + b"ustar\x0000", "a tar archive"),
    "utf-32": (lambda _: TEXT.decode().encode("utf-32"), "UTF-32.*save it as UTF-8"),
    "unknown": (lambda _: random.Random(1).randbytes(5000), "a binary file"),
}


@pytest.mark.promise("P83", "P84")
@pytest.mark.parametrize("name", ["list.txt", "table.csv", "list"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_text_is_refused_at_once(tmp_path: Path, kind: str, name: str) -> None:
    make, says = KINDS[kind]
    path = tmp_path / name
    path.write_bytes(make(tmp_path))
    with pytest.raises(UsageError, match=f"(?s)^{path}: is .*{says}"):
        lines([URLS[0], str(path)])
    with pytest.raises(UsageError, match=f"(?s)^-: is .*{says}"):
        list(lines(["-"], stdin=lambda: path.open("rb")))


@pytest.mark.parametrize(
    "first", ["PAR1", "BZh", "RIFF", "GIF8", "ORC", "LZIP", "\x0c", "\x1a", "\x1b[0m"]
)
def test_a_text_may_begin_like_that(first: str) -> None:
    assert found(io.BytesIO(f"# {first}\n{first}\n{URLS[0]}\n".encode()))[-1] == GOOD[0]
    assert found(io.BytesIO(f"{first}\n{URLS[0]}\n".encode()))[-1] == GOOD[0]
