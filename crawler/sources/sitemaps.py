"""The URLs in a sitemap, including those in the sitemaps that an index lists."""

from collections.abc import Callable, Iterator
from io import BytesIO

from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.urls import key
from crawler.sources.input_line import InputLine, parse
from crawler.sources.sitemap import Sitemap

MAX_DEPTH = 2
"""Levels of indexes above a sitemap; the protocol allows one."""
MAX_SITEMAPS = 50_000
"""Number of sitemaps fetched in a run; as many as one index may list."""

Fetch = Callable[[InputLine], bytes]
"""Returns the body at a URL, Content-Encoding decoded, fetched by the rules of the crawl.

It blocks. For an ``own`` line, its address and userinfo are used like those of the input. Raises
FetchError and SkipError.
"""


def is_sitemap_url(url: str) -> bool:
    """Whether the path of the canonical ``url`` ends in ``.xml`` or ``.xml.gz``."""
    return url.partition("?")[0].lower().endswith((".xml", ".xml.gz"))


class Sitemaps:
    """Reads the sitemaps of a run, each once.

    A sitemap that cannot be read to its end is a failed or skipped line.
    """

    def __init__(self, fetch: Fetch | None) -> None:
        """Without ``fetch`` a sitemap URL is treated as a page."""
        self._fetch = fetch
        self._seen: set[int] = set()

    def at(self, line: InputLine) -> Iterator[InputLine]:
        """The URLs in the sitemap at ``line``; if it is not a sitemap, ``line`` as a page."""
        return self._at(line, 0)

    def within(self, name: str, sitemap: Sitemap) -> Iterator[InputLine]:
        """The URLs in a sitemap file on this machine; records use ``name`` for it."""
        return self._within(name, sitemap, 0, own=True)

    def _at(self, line: InputLine, depth: int) -> Iterator[InputLine]:
        identity = key(line.url)
        if identity in self._seen:
            return
        if self._fetch is None:
            yield line
            return
        if len(self._seen) >= MAX_SITEMAPS:
            yield _failed(line.url, FailureKind.TOO_LARGE, f"more than {MAX_SITEMAPS:,} sitemaps")
            return
        self._seen.add(identity)
        try:
            sitemap = Sitemap(BytesIO(self._fetch(line)))
        except FetchError as error:
            yield _failed(line.url, error.kind, error.message)
        except SkipError as error:
            yield InputLine(line.url, wrong=f"sitemap: {error.message}", skip=error.reason)
        else:
            if depth == 0 and not sitemap.is_sitemap:
                yield line
            else:
                yield from self._within(line.url, sitemap, depth, own=False)

    def _within(self, name: str, sitemap: Sitemap, depth: int, *, own: bool) -> Iterator[InputLine]:
        if not sitemap.is_sitemap:
            yield _failed(name, FailureKind.PARSE, f"<{sitemap.root}> is not a sitemap")
            return
        if sitemap.is_index and depth >= MAX_DEPTH:
            yield _failed(name, FailureKind.PARSE, f"more than {MAX_DEPTH} levels of indexes")
            return
        try:
            for location in sitemap:
                found = _line(location, None if own else name)
                if sitemap.is_index and found.wrong is None:
                    yield from self._at(found, depth + 1)
                else:
                    yield found
        except FetchError as error:
            yield _failed(name, error.kind, error.message)


def _line(location: str, found_at: str | None) -> InputLine:
    """Parse a location. If it was found on the network, it has no userinfo and no rights."""
    line = parse(location)
    if found_at is None:
        return line
    return InputLine(line.url, wrong=line.wrong, own=False, found_at=found_at)


def _failed(url: str, kind: FailureKind, message: str) -> InputLine:
    return InputLine(url, wrong=f"sitemap: {message}", error=kind)
