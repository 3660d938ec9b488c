"""What a crawl writes down: pages, failures, skipped URLs, and the links between pages."""

import msgspec

from crawler.model.errors import FailureKind, SkipReason


class Link(msgspec.Struct, frozen=True):
    """A URL found on a page, worth following: canonical, in scope. ``key`` is its identity."""

    url: str
    key: int


Row = dict[str, str | int] | msgspec.UnsetType
"""What stood beside an input URL in its table, by column, and its ``line`` there, from 1."""


class Page(msgspec.Struct, frozen=True, omit_defaults=False):
    """One good response, parsed: a line of ``pages.jsonl``. Field order is the order in the file.

    ``url`` is what was asked, ``final_url`` what answered. ``bytes`` and ``digest`` (SHA-256, hex)
    are of the body after content decoding; ``encoding`` is the character set that was used.
    ``links``: absolute, canonical, unique, in document order.
    """

    url: str
    final_url: str
    status: int
    content_type: str | None
    fetched_at: str
    elapsed_ms: float
    bytes: int
    digest: str
    depth: int
    encoding: str | None = None
    title: str | None = None
    description: str | None = None
    lang: str | None = None
    canonical: str | None = None
    links: tuple[str, ...] = ()
    fields: dict[str, object] | None = None
    html: str | msgspec.UnsetType = msgspec.UNSET
    input: Row = msgspec.UNSET


def row_of(text: str | None) -> Row:
    """The row that travels with an entry as JSON."""
    return msgspec.UNSET if text is None else msgspec.json.decode(text, type=dict[str, str | int])


class Failure(msgspec.Struct, frozen=True):
    """An entry that was tried and did not give a page: a line of ``failures.jsonl``."""

    url: str
    error: FailureKind
    message: str
    attempts: int
    status: int | None = None
    input: Row = msgspec.UNSET


class Skipped(msgspec.Struct, frozen=True):
    """An entry that was not asked for, by rule: a line of ``skipped.jsonl``."""

    url: str
    reason: SkipReason
    message: str
    input: Row = msgspec.UNSET
