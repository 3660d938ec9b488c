"""Checks that the sources have not changed since a crawl began."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from crawler.model.errors import UsageError
from crawler.sources.input_line import parse
from crawler.sources.lines import reading

_PIPE = "pipe"


def fingerprint(sources: Iterable[str]) -> str:
    """A line for each source: size and SHA-256 of a file, a URL without userinfo, or ``-``.

    The paths of files do not matter. A source that can be read only once, such as a named pipe, is
    not read. Raises UsageError if a file cannot be read.
    """
    return "\n".join(map(_fingerprint, sources))


def check_unchanged(sources: Iterable[str], before: str) -> None:
    """Raise UsageError unless ``before`` is the fingerprint of ``sources``."""
    for source, old in zip(sources, before.splitlines(), strict=True):
        new = _fingerprint(source)
        if new == _PIPE:
            raise UsageError(f"{source}: is a pipe, which cannot be read a second time")
        if new != old:
            raise UsageError(f"{source}: has changed since the crawl began; start a new crawl")


def _fingerprint(source: str) -> str:
    if source == "-" or "://" in source:
        return source if source == "-" else parse(source).url
    path = Path(source)
    if path.exists() and not path.is_file():
        return _PIPE
    with reading(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return f"{file.tell()} {digest}"
