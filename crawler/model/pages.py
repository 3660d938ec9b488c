"""The records that a crawl writes: pages, failures, skipped URLs, and links between pages."""

import msgspec

from crawler.model.errors import FailureKind, SkipReason


class Link(msgspec.Struct, frozen=True):
    """A link to follow: ``url`` is canonical and in scope, ``key`` is its identity."""

    url: str
    key: int


Row = dict[str, str | int] | msgspec.UnsetType
"""The other columns of an input URL's table row, by name, and its ``line`` number, from 1."""


PageFields = dict[str, object] | list[dict[str, object]]
"""Extracted values by name: plain JSON. A page with several records has a list of them."""


class Page(msgspec.Struct, frozen=True, omit_defaults=False):
    """One successful response, parsed: a line of ``pages.jsonl``, with fields in this order.

    ``url`` is the requested URL, ``final_url`` the URL after redirects. ``bytes`` and ``digest``
    (SHA-256, hex) describe the body after content decoding; ``encoding`` is the character set used.
    ``links`` are absolute, canonical, unique, in document order.
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
    fields: PageFields | None = None
    html: str | msgspec.UnsetType = msgspec.UNSET
    input: Row = msgspec.UNSET


def row_of(text: str | None) -> Row:
    """Decode the table row that an entry carries as JSON."""
    return msgspec.UNSET if text is None else msgspec.json.decode(text, type=dict[str, str | int])


class Failure(msgspec.Struct, frozen=True):
    """An entry that was requested but returned no page: a line of ``failures.jsonl``."""

    url: str
    error: FailureKind
    message: str
    attempts: int
    status: int | None = None
    input: Row = msgspec.UNSET


class Skipped(msgspec.Struct, frozen=True):
    """An entry that a rule excluded from fetching: a line of ``skipped.jsonl``."""

    url: str
    reason: SkipReason
    message: str
    input: Row = msgspec.UNSET
