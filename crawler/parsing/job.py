"""What goes to a parse worker and what comes back: small records; the body travels beside them."""

import msgspec

from crawler.model.pages import Link, Page
from crawler.model.scope import Scope, Strip
from crawler.model.traps import Traps
from crawler.parsing.fields import ExtractRule


class Job(msgspec.Struct, frozen=True):
    """One good response to be parsed. Its body comes as sent: Content-Encoding not undone.

    ``seed`` is the input URL the entry descends from, ``robots`` the X-Robots-Tag header, ``row``
    (JSON) what stood beside the URL in its table.
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


class ParseOptions(msgspec.Struct, frozen=True):
    """What is wanted of every page. ``max_bytes`` bounds a body after content decoding.

    ``parser`` names a function as ``module:function``; ``robots`` obeys nofollow.
    Without ``read`` no page is looked into: its record has neither title nor links. ``strip`` is
    applied to links before anything is asked of them; a page's own list has them as they are.
    """

    max_bytes: int
    follow: bool
    max_depth: int | None
    scope: Scope
    html: bool = False
    parser: str | None = None
    extract: tuple[ExtractRule, ...] = ()
    robots: bool = True
    read: bool = True
    strip: Strip = Strip()
    traps: Traps = Traps()


class Parsed(msgspec.Struct, frozen=True):
    """The page, its links to follow (in scope, shallow enough, unique by key), and how many not.

    ``filtered`` counts the links that were out of scope or too deep; 0 where nothing is followed.
    ``trapped`` are links that would have been followed, each with the reason why not.
    """

    page: Page
    follow: tuple[Link, ...] = ()
    filtered: int = 0
    trapped: tuple[tuple[Link, str], ...] = ()
