"""Checks that the sources have not changed since a crawl began."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from crawler.model.errors import UsageError
from crawler.sources.lines import reading
from crawler.sources.texts import argument

STDIN = "-"
PIPE = "pipe"
"""The fingerprints of standard input and of a source that can be read only once."""
CHANGED = "has changed since the crawl began; restore it, or start a new crawl"


def fingerprint(sources: Iterable[str]) -> str:
    """A line for each source: size and SHA-256 of a file, a URL without userinfo, or ``-``.

    The paths of files do not matter. A named pipe is not read. Raises UsageError if a file cannot
    be read.
    """
    return "\n".join(map(_fingerprint, sources))


def check_unchanged(sources: Iterable[str], before: str) -> None:
    """Raise UsageError unless ``before`` is the fingerprint of ``sources``.

    The run has its own copies of what were pipes, so whatever is there now does not matter.
    """
    for source, old in zip(sources, before.splitlines(), strict=True):
        if old != PIPE and _fingerprint(source) != old:
            raise UsageError(f"{source}: {CHANGED}")


def _fingerprint(source: str) -> str:
    if source == "-":
        return STDIN
    if "://" in source:
        return argument(source).url
    path = Path(source)
    return PIPE if path.exists() and not path.is_file() else digest(path)


def digest(path: Path) -> str:
    """Return size and SHA-256 of the file. Raises UsageError."""
    with reading(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return f"{file.tell()} {digest}"
