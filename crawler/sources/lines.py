"""Files as whole lines in UTF-8, whatever their line ends and encoding; bounded in memory.

A line ends with LF, CR LF or CR. A file is UTF-8 unless it begins like UTF-16. Bytes that are not
text are kept: what reads a line decides about them.
"""

import codecs
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader, RawIOBase
from itertools import chain
from pathlib import Path

from crawler.model.errors import UsageError
from crawler.model.text import HEAD, utf_16
from crawler.sources.file_kinds import check_text

LONGEST_LINE = 1 << 20
"""Bytes; of a longer line only the beginning is kept, which is longer than this."""
_PIECE = 1 << 15
_FIRST = 1 << 12
_CUT = "\ud800".encode("utf-8", "surrogatepass")
"""Stands for an incomplete character at the end of UTF-16; it is not valid in a URL."""


@contextmanager
def reading(path: Path) -> Iterator[BufferedIOBase]:
    """Open the file for reading. Raises UsageError if that fails."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    with file:
        yield file


def blocks(file: BufferedIOBase, name: str) -> Iterator[bytes]:
    """Return the content of ``file`` in blocks of whole lines, as soon as they are there.

    It is UTF-8 without a byte order mark. Raises UsageError at once, which calls the file
    ``name``, if it does not begin like a text.
    """
    return _whole_lines(_utf_8(file, name))


def _whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    after_return = False
    for each in pieces:
        piece = each.removeprefix(b"\n") if after_return else each
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
        after_return = piece.endswith(b"\r")
        if end:
            yield rest + piece[:end]
            rest = piece[end:]
        elif len(rest) <= LONGEST_LINE:
            rest += piece
    if rest:
        yield rest


def text_lines(file: BufferedIOBase, name: str) -> Iterator[str]:
    """The lines of ``file`` with their ends, decoded. Raises UsageError as ``blocks`` does."""
    lines = (block.splitlines(keepends=True) for block in blocks(file, name))
    return map(decoded, chain.from_iterable(lines))


def first_line(file: BufferedIOBase) -> tuple[str, BufferedIOBase]:
    """The first line of ``file``, or its first 4 KB, and the file from the same place on."""
    start = file.tell() if file.seekable() else None
    head = _beginning(file, _FIRST, _FIRST)
    text = head.decode(utf_16(head) or "utf-8", "replace").removeprefix("\ufeff")
    line = text.partition("\n")[0].partition("\r")[0]
    if start is None:
        return line, BufferedReader(_Begun(head, file))
    file.seek(start)
    return line, file


class _Begun(RawIOBase):
    """A stream that returns ``head`` before the rest of ``file``."""

    def __init__(self, head: bytes, file: BufferedIOBase) -> None:
        self._head = head
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = len(buffer)
        piece = self._head[:size] or self._file.read1(size)
        self._head = self._head[size:]
        buffer[: len(piece)] = piece
        return len(piece)


def decoded(line: bytes) -> str:
    """Decode UTF-8; each other byte becomes a lone surrogate (PEP 383)."""
    return line.decode("utf-8", "surrogateescape")


def _utf_8(file: BufferedIOBase, name: str) -> Iterator[bytes]:
    """Return the content of ``file`` in UTF-8, in pieces as they come."""
    head = _beginning(file, HEAD, _PIECE)
    encoding = utf_16(head)
    if encoding is None:
        check_text(head, name)
    pieces = chain((head,), iter(lambda: file.read1(_PIECE), b""))
    return _without_mark(pieces if encoding is None else _transcoded(pieces, encoding))


def _beginning(file: BufferedIOBase, enough: int, piece: int) -> bytes:
    """The first ``enough`` bytes or the first line, whichever is there first, in whole pieces."""
    head = b""
    while len(head) < enough and b"\n" not in head and b"\r" not in head:
        more = file.read1(piece)
        if not more:
            break
        head += more
    return head


def _transcoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        yield _CUT


def _without_mark(pieces: Iterable[bytes]) -> Iterator[bytes]:
    first = True
    for piece in pieces:
        yield piece.removeprefix(codecs.BOM_UTF8) if first else piece
        first = False
