"""Records that are sent to a parse worker and returned; the body is passed separately."""

from typing import TYPE_CHECKING

import msgspec

from crawler.model.pages import Link, Page
from crawler.model.scope import Scope, Strip
from crawler.model.traps import Traps
from crawler.parsing.extract.rules import ExtractRules

if TYPE_CHECKING:
    from crawler.parsing.custom import ParserFunction


class Job(msgspec.Struct, frozen=True):
    """A good response to parse. Its body is as received, with Content-Encoding.

    ``seed`` is the input URL from which the entry was found, ``robots`` the X-Robots-Tag headers,
    one per line, ``row`` (JSON) the other cells of the URL's row in a table, ``refresh`` the
    Refresh header.
    """

    id: int
    url: str
    final_url: str
    seed: str
    status: int
    content_type: str | None
    content_encoding: str | None
    robots: str | None
    fetched_at: str
    elapsed_ms: float
    depth: int
    row: str | None = None
    refresh: str | None = None


class CacheOptions(msgspec.Struct, frozen=True):
    """The cache of results in ``folder``, an absolute path. Its file has at most ``most_bytes``."""

    folder: str
    most_bytes: int


class ParseOptions(msgspec.Struct, frozen=True):
    """How pages are parsed. ``max_bytes`` limits a body after content decoding.

    ``parser`` is a function, or names one as ``module:function``; with ``robots``, nofollow is
    obeyed, if it is for all robots or for one of ``names``, those in our User-Agent. Without
    ``read``, pages are not parsed: their records have no title and no links.
    ``strip`` is applied to links before all checks; the list of links in a page's record is not
    changed. ``cache`` has the results of earlier crawls; it is not used with a ``parser``.
    """

    max_bytes: int
    follow: bool
    max_depth: int | None
    scope: Scope
    html: bool = False
    parser: "str | ParserFunction | None" = None
    extract: ExtractRules | None = None
    robots: bool = True
    read: bool = True
    strip: Strip = Strip()
    traps: Traps = Traps()
    names: frozenset[str] = frozenset()
    cache: CacheOptions | None = None


class Parsed(msgspec.Struct, frozen=True):
    """The page, and the links to ``follow``: in scope, not too deep, unique by key. Frames and a
    refresh count as links here.

    ``filtered`` is the number of links that are out of scope or too deep; 0 if links are not
    followed at all. ``trapped`` are links that look like traps, each with the reason. ``cut`` is
    the number of links beyond the limits of a page. ``cached``: the page was not parsed, because
    what is read from it was known.
    """

    page: Page
    follow: tuple[Link, ...] = ()
    filtered: int = 0
    trapped: tuple[tuple[Link, str], ...] = ()
    cut: int = 0
    cached: bool = False
