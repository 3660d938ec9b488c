"""A line of the input, once it is read: what the crawl is to fetch, or why it cannot be."""

from collections.abc import Iterable

import msgspec

from crawler.model.errors import FailureKind, SkipReason
from crawler.model.urls import UrlError, parse_input

_SHOWN = 500


class InputLine(msgspec.Struct, frozen=True, array_like=True):
    """A line of the input: a canonical ``url`` and its userinfo, or what is ``wrong`` with it.

    ``error`` is then the kind of failure, unless ``skip`` says by which rule it was left alone.
    ``own`` is False for what a sitemap from the network names: nobody asked for that host, so its
    address and its userinfo give it no right that a link would not have. ``row`` is what stood
    beside the URL in a table, by column, ``line`` where the row begins in its file, from 1.
    """

    url: str
    userinfo: str | None = None
    wrong: str | None = None
    error: FailureKind = FailureKind.URL
    skip: SkipReason | None = None
    own: bool = True
    line: int | None = None
    row: dict[str, str] | None = None


RawLine = str | InputLine
"""A line of the input before it was looked at: a text, or what a table or a sitemap made of it."""
RawLines = Iterable[RawLine]


def parse(line: str | InputLine) -> InputLine:
    """What ``line`` asks for; raises nothing."""
    if isinstance(line, InputLine):
        return line
    try:
        found = parse_input(line)
    except UrlError as error:
        return InputLine(shown(line), wrong=error.message)
    return InputLine(found.url, found.userinfo)


def shown(line: str) -> str:
    """A line that is no URL, fit for a record: printable, not endless, without userinfo."""
    _, at, behind = line[:_SHOWN].rpartition("@")
    text = f"…@{behind}" if at else line[:_SHOWN]
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
