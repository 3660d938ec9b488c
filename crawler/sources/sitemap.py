"""One sitemap, sitemap index, RSS or Atom feed (https://www.sitemaps.org/protocol.html).

It is read in small pieces, in time linear in its size and little memory. Damage costs the entry
that has it; entities are never expanded, and no other file is opened.
"""

import re
from collections.abc import Iterable, Iterator
from io import BufferedIOBase

from crawler.model.errors import FailureKind, FetchError
from crawler.sources.markup import Tag, TagReader
from crawler.sources.sitemap_entries import FORMATS, Entries, Location
from crawler.sources.sitemap_text import head_of, text_of

MAX_URLS = 50_000
"""A limit of the protocol."""
_TAGS_BEFORE_ROOT = 100
_BEGINNING = re.compile(
    r"[\ufeff\s]*<(?:[?!]|(?:[\w.-]+:)?(?:urlset|sitemapindex|rss|rdf|feed)\b)", re.IGNORECASE
)


def looks_like_sitemap(file: BufferedIOBase) -> bool:
    """Whether ``file``, decompressed, begins with XML or one of the root elements.

    Reads from the start of the file, and leaves it there.
    """
    return begins_sitemap(head_of(file))


def begins_sitemap(text: str) -> bool:
    """Whether ``text`` begins with XML or one of the root elements."""
    return _BEGINNING.match(text) is not None


def bounded(locations: Iterable[Location]) -> Iterator[Location]:
    """Raises FetchError for more than ``MAX_URLS``."""
    for number, location in enumerate(locations):
        if number >= MAX_URLS:
            message = f"more than {MAX_URLS:,} URLs in a sitemap; the rest is not read"
            raise FetchError(FailureKind.TOO_LARGE, message)
        yield location


class Sitemap:
    """The locations in ``file``, which must be seekable and may be compressed with gzip.

    The constructor reads up to the root element, iteration reads the rest; locations before an
    error are returned before it is raised. Both raise FetchError: kind ``parse`` for text that is
    not XML or is cut, ``decode`` for damaged gzip, ``too_large``. ``root`` is the local name of the
    root element in lower case.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        self._markup = TagReader(text_of(file))
        self._tags = iter(self._markup)
        root = self._find_root()
        prefix, _, self.root = root.name.rpartition(":")
        self._entries = Entries(self.root, prefix, is_open=not root.is_empty)

    @property
    def is_sitemap(self) -> bool:
        """Whether it is a sitemap, a sitemap index or a feed."""
        return self.root in FORMATS

    @property
    def is_index(self) -> bool:
        return self.root == "sitemapindex"

    def __iter__(self) -> Iterator[Location]:
        return bounded(self._locations())

    def _locations(self) -> Iterator[Location]:
        """Raises FetchError."""
        entries, markup = self._entries, self._markup
        actions = entries.actions
        for tag, text in self._tags:
            try:
                action = actions[tag.name]
            except KeyError:
                action = entries.meet(tag.name)
            if action is not None:
                location = action(tag, text, markup.line)
                if location is not None:
                    yield location
            elif tag.attributes or entries.is_reading or not tag.is_whole:
                entries.other(tag, text, markup.line)
        yield from entries.at_end(markup.line)
        problem = markup.unclosed or entries.unclosed
        if problem:
            raise FetchError(FailureKind.PARSE, f"not well-formed XML: {problem}")

    def _find_root(self) -> Tag:
        """The root element; what stands before one that is known is skipped."""
        first = None
        for _, (tag, _) in zip(range(_TAGS_BEFORE_ROOT), self._tags, strict=False):
            if tag.name[0] in "#/":
                continue
            if tag.name.rpartition(":")[2] in FORMATS:
                return tag
            first = first or tag
        if first is None:
            raise FetchError(FailureKind.PARSE, "not XML: there is no element in it")
        return first
