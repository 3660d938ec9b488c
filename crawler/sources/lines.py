"""Files as text, line by line; nothing in them can make a line endless or an error of decoding."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from crawler.model.errors import UsageError

LONGEST_LINE = 1 << 20
"""Bytes of a line; a longer one is read in pieces of this size."""


@contextmanager
def reading(path: Path) -> Iterator[BufferedIOBase]:
    """The open file. Raises UsageError where the system does not let us."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    with file:
        yield file


def text_lines(file: BufferedIOBase) -> Iterator[str]:
    """Lines with their ends, without byte order marks; what is no UTF-8 stays visible."""
    while line := file.readline(LONGEST_LINE):
        yield line.decode("utf-8", "backslashreplace").lstrip("\ufeff")


def list_lines(file: BufferedIOBase) -> Iterator[str]:
    """The lines of a list, without comments, blanks and white space around."""
    for line in text_lines(file):
        text = line.strip()
        if text and not text.startswith("#"):
            yield text
