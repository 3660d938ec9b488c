"""A line of the input, once it is read: what the crawl is to fetch, or why it cannot be."""

import msgspec

from crawler.errors import Kind, Skip
from crawler.urls import UrlError, parse_input

_SHOWN = 500


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """A line of the input: a canonical ``url`` and its userinfo, or what is ``wrong`` with it.

    ``error`` is then the kind of failure, unless ``skip`` says by which rule it was left alone.
    ``own`` is False for what a sitemap from the network names: nobody asked for that host, so its
    address and its userinfo give it no right that a link would not have. ``row`` is what stood
    beside the URL in a table, by column, ``line`` where the row begins in its file, from 1.
    """

    url: str
    userinfo: str | None = None
    wrong: str | None = None
    error: Kind = Kind.URL
    skip: Skip | None = None
    own: bool = True
    line: int | None = None
    row: dict[str, str] | None = None


def parse(line: str | Wanted) -> Wanted:
    """What ``line`` asks for; raises nothing."""
    if isinstance(line, Wanted):
        return line
    try:
        found = parse_input(line)
    except UrlError as error:
        return Wanted(shown(line), wrong=error.message)
    return Wanted(found.url, found.userinfo)


def shown(line: str) -> str:
    """A line that is no URL, fit for a record: printable, not endless, without userinfo."""
    _, at, behind = line[:_SHOWN].rpartition("@")
    text = f"…@{behind}" if at else line[:_SHOWN]
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
