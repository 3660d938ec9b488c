"""All errors of the project, and the kinds and reasons that appear in records."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

TYPE_CHECKING = False  # as in typing, which takes 5 ms to import
if TYPE_CHECKING:
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


SILENT = frozenset({FailureKind.DNS, FailureKind.CONNECT, FailureKind.RESET, FailureKind.TIMEOUT})
"""Kinds of failure in which nothing came from the host, unless the error itself says otherwise.

All others are answers: something came, or nothing was asked of the host.
"""


class SkipReason(StrEnum):
    """Why an entry was skipped; the ``reason`` of a skip record."""

    ROBOTS = "robots"
    BLOCKED = "blocked"
    SCHEME = "scheme"
    SCOPE = "scope"
    TRAP = "trap"


WITHOUT_PAGE: tuple[str, ...] = (*FailureKind, *SkipReason)
"""How an entry can end without a page: kinds of failure and reasons of skipping, in one list."""


class CrawlerError(Exception):
    """Base class of all errors that the project raises on purpose. The text is for people."""


class UsageError(CrawlerError):
    """The settings or arguments are invalid (exit code 2)."""


class BusyError(UsageError):
    """Another process crawls the run."""


class StateError(CrawlerError):
    """The crawl cannot continue: disk full, run directory unusable (exit code 1)."""


class StateHeldError(StateError):
    """Another process has the state of the run for itself."""


class FetchError(CrawlerError):
    """One request failed.

    ``kind`` classifies the failure. ``reused`` is True if a kept connection failed before the first
    byte of the response, or if the server refused the stream, and if it is safe to send the request
    again: it is idempotent, or nothing of it was sent (RFC 9110, 9.2.2; RFC 9113, 8.7).

    ``answered`` is False if nothing came from the host: a reset or a deadline before the first
    byte of the response, no connection, no address because no name server answered. None means as
    usual for ``kind``. A rejected certificate is an answer, and so is a name that does not exist.

    ``connected`` is False if no TCP connection was made, so that nothing was sent: another address
    of the host may be tried. None means as usual: only ``connect`` has none.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        reused: bool = False,
        answered: bool | None = None,
        connected: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.reused = reused
        self.answered = kind not in SILENT if answered is None else answered
        self.connected = kind is not FailureKind.CONNECT if connected is None else connected


class SkipError(CrawlerError):
    """The entry must not be fetched; ``reason`` names the rule."""

    def __init__(self, reason: SkipReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@contextmanager
def writing(path: "Path") -> Iterator[None]:
    """Turn an OSError while writing to ``path`` into a StateError that names the path."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{path}: {error.strerror or error}") from None
