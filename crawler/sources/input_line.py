"""A line of the input after parsing: the URL to fetch, or the reason why it cannot be fetched."""

from collections.abc import Iterable

import msgspec

from crawler.model.errors import FailureKind, SkipReason
from crawler.model.urls import UrlError, parse_input

_SHOWN = 500
_REMEMBERED = 1 << 14
"""Number of refused lines by which others are compared; after that all have their place."""


class InputLine(msgspec.Struct, frozen=True, array_like=True):
    """A line of the input: a canonical ``url`` and its userinfo, or what is ``wrong`` with it.

    A wrong line is a failure of kind ``error``, or skipped by the rule ``skip`` if that is set.
    ``own`` is False for URLs from a sitemap on the network: the user did not name their hosts, so
    they have the same rights as links (no private address, no userinfo), which are found at the
    sitemap, ``found_at``. ``row`` has the other cells of a table row by column, ``line`` is the
    line in which the row begins, from 1; it is also known of a wrong line of a list. If another
    shard has to read the sitemap at ``url``, ``sitemap`` is the number of the indexes above it.
    """

    url: str
    userinfo: str | None = None
    wrong: str | None = None
    error: FailureKind = FailureKind.URL
    skip: SkipReason | None = None
    own: bool = True
    line: int | None = None
    row: dict[str, str] | None = None
    found_at: str | None = None
    sitemap: int | None = None


BLANK = InputLine("")
"""A line that is no entry, but counts: of texts from Python each is a line."""
RawLine = str | InputLine
"""A line of the input before parsing: a text, or the result of a table or a sitemap."""
RawLines = Iterable[RawLine]


def parse(line: str | InputLine) -> InputLine:
    """Parse ``line``; never raises."""
    if isinstance(line, InputLine):
        return line
    try:
        found = parse_input(line)
    except UrlError as error:
        return InputLine(shown(line), wrong=error.message)
    return InputLine(found.url, found.userinfo)


class Refusals:
    """Makes failures of lines that have no URL; every one of them is an entry of its own.

    An entry is known by its URL, so a text that could be a URL, or was refused before, gets its
    place. ``several``: there are several sources, so a place includes the name of the source.
    """

    def __init__(self, *, several: bool = False) -> None:
        self._several = several
        self._seen: set[int] = set()

    def line(self, text: str, why: str, name: str, number: int) -> InputLine:
        """Refuse the ``text`` in line ``number``, from 1, of the source ``name``."""
        place = f"{name}, line {number}" if self._several else f"line {number}"
        return self.text(text, f"{place}: {why}", place, number)

    def text(self, text: str, why: str, place: str, number: int) -> InputLine:
        """Refuse the ``text`` at ``place``, which ``why`` need not name."""
        url = shown(text)
        if self.is_taken(url):
            url = f"{url} ({place})"
        return InputLine(url, wrong=why, line=number)

    def is_taken(self, url: str) -> bool:
        """Whether ``url`` cannot be the name of a new failure; if not, it is taken from now on."""
        identity = hash(url)
        found = parse(url)
        known = identity in self._seen or (found.wrong is None and found.url == url)
        if len(self._seen) < _REMEMBERED:
            self._seen.add(identity)
            return known
        return True


def shown(line: str) -> str:
    """A line that is not a URL, as shown in a record: printable, short, without userinfo."""
    _, at, host = line[:_SHOWN].rpartition("@")
    text = f"…@{host}" if at else line[:_SHOWN]
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
