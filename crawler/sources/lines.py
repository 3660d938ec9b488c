"""Files as text, line by line; lines have a maximum length, and decoding never fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from crawler.model.errors import UsageError

LONGEST_LINE = 1 << 20
"""Bytes; a longer line is read as several lines of this size."""


@contextmanager
def reading(path: Path) -> Iterator[BufferedIOBase]:
    """Open the file for reading. Raises UsageError if that fails."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    with file:
        yield file


def text_lines(file: BufferedIOBase) -> Iterator[str]:
    """Lines with their line ends, without byte order marks; invalid UTF-8 is shown as escapes."""
    while line := file.readline(LONGEST_LINE):
        yield line.decode("utf-8", "backslashreplace").lstrip("\ufeff")


def list_lines(file: BufferedIOBase) -> Iterator[str]:
    """The lines of a list, stripped, without comments and blank lines."""
    for line in text_lines(file):
        text = line.strip()
        if text and not text.startswith("#"):
            yield text
