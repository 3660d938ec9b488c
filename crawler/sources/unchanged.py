"""Whether sources still hold what they held when a crawl began."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from crawler.model.errors import UsageError
from crawler.sources.input_line import parse
from crawler.sources.lines import reading

_PIPE = "pipe"


def fingerprint(sources: Iterable[str]) -> str:
    """What ``sources`` hold, one line each: size and SHA-256 of a file, a URL as it is, or ``-``.

    Where files lie does not count, and no userinfo is in it. What can be read only once, as a
    named pipe, is not read. Raises UsageError where a file cannot be read.
    """
    return "\n".join(map(_print, sources))


def check_unchanged(sources: Iterable[str], before: str) -> None:
    """Raise UsageError, in words, unless ``before`` is the fingerprint of ``sources``."""
    for source, then in zip(sources, before.splitlines(), strict=True):
        now = _print(source)
        if now == _PIPE:
            raise UsageError(f"{source}: is a pipe, which cannot be read a second time")
        if now != then:
            raise UsageError(f"{source}: has changed since the crawl began; start a new one")


def _print(source: str) -> str:
    if source == "-" or "://" in source:
        return source if source == "-" else parse(source).url
    path = Path(source)
    if path.exists() and not path.is_file():
        return _PIPE
    with reading(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return f"{file.tell()} {digest}"
