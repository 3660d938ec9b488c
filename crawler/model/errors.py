"""Every error of the project: one small tree, and the kinds and reasons that end up in records."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path


class FailureKind(StrEnum):
    """Why an entry failed; the ``error`` of a failure record."""

    URL = "url"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    TRUNCATED = "truncated"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    STATUS = "status"
    REDIRECT = "redirect"
    DECODE = "decode"
    PARSE = "parse"
    INTERNAL = "internal"


class SkipReason(StrEnum):
    """Why an entry was left alone; the ``reason`` of a skip record."""

    ROBOTS = "robots"
    BLOCKED = "blocked"
    SCHEME = "scheme"
    SCOPE = "scope"
    TRAP = "trap"


class CrawlerError(Exception):
    """Base of everything the project raises on purpose. The text is meant for a person."""


class UsageError(CrawlerError):
    """What was asked for cannot be done as asked (exit code 2)."""


class StateError(CrawlerError):
    """The crawl cannot go on: disk full, run directory unusable (exit code 1)."""


class FetchError(CrawlerError):
    """One request failed.

    ``kind`` is what went wrong, ``reused`` whether it went wrong on a kept-alive connection
    before any byte of the answer (such a request is safe to send again at once).
    """

    def __init__(self, kind: FailureKind, message: str, *, reused: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.reused = reused


class SkipError(CrawlerError):
    """The entry must not be fetched; ``reason`` says by which rule."""

    def __init__(self, reason: SkipReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system says against writing to ``path`` is a StateError that names it."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{path}: {error.strerror or error}") from None
