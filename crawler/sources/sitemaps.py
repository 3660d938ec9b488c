"""From a sitemap to the URLs in it, by way of the sitemaps that an index lists."""

from collections.abc import Callable, Iterator
from io import BytesIO

from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.urls import key
from crawler.sources.input_line import InputLine, parse
from crawler.sources.sitemap import Sitemap

MAX_DEPTH = 2
"""Indexes between a source and a sitemap; the protocol knows one."""
MAX_SITEMAPS = 50_000
"""Fetched in a run; as many as an index may list."""

Fetch = Callable[[InputLine], bytes]
"""The body at a URL, its Content-Encoding undone, fetched as the crawl fetches: politely.

It blocks. Where the wanted URL is ``own``, its address and userinfo count as the input's. Raises
FetchError and SkipError.
"""


def is_sitemap_url(url: str) -> bool:
    """Whether the path of the canonical ``url`` ends like that of a sitemap."""
    return url.partition("?")[0].lower().endswith((".xml", ".xml.gz"))


class Sitemaps:
    """Reads the sitemaps of a run, each once.

    One that cannot be read, or not to its end, is an entry that failed or was skipped.
    """

    def __init__(self, fetch: Fetch | None) -> None:
        """Without ``fetch`` a sitemap on the network is a page."""
        self._fetch = fetch
        self._seen: set[int] = set()

    def at(self, place: InputLine) -> Iterator[InputLine]:
        """What the sitemap at a URL names. A document of another kind is a page like others."""
        return self._at(place, 0)

    def within(self, name: str, sitemap: Sitemap) -> Iterator[InputLine]:
        """What a file on this machine names; ``name`` is what records call it."""
        return self._within(name, sitemap, 0, own=True)

    def _at(self, place: InputLine, depth: int) -> Iterator[InputLine]:
        identity = key(place.url)
        if identity in self._seen:
            return
        if self._fetch is None:
            yield place
            return
        if len(self._seen) >= MAX_SITEMAPS:
            yield _failed(place.url, FailureKind.TOO_LARGE, f"more than {MAX_SITEMAPS:,} sitemaps")
            return
        self._seen.add(identity)
        try:
            sitemap = Sitemap(BytesIO(self._fetch(place)))
        except FetchError as error:
            yield _failed(place.url, error.kind, error.message)
        except SkipError as error:
            yield InputLine(place.url, wrong=f"sitemap: {error.message}", skip=error.reason)
        else:
            if depth == 0 and not sitemap.is_sitemap:
                yield place
            else:
                yield from self._within(place.url, sitemap, depth, own=False)

    def _within(self, name: str, sitemap: Sitemap, depth: int, *, own: bool) -> Iterator[InputLine]:
        if not sitemap.is_sitemap:
            yield _failed(name, FailureKind.PARSE, f"<{sitemap.root}> is not one")
            return
        if sitemap.is_index and depth >= MAX_DEPTH:
            yield _failed(name, FailureKind.PARSE, f"an index more than {MAX_DEPTH} indexes deep")
            return
        try:
            for location in sitemap:
                found = _found(location, own=own)
                if sitemap.is_index and found.wrong is None:
                    yield from self._at(found, depth + 1)
                else:
                    yield found
        except FetchError as error:
            yield _failed(name, error.kind, error.message)


def _found(location: str, *, own: bool) -> InputLine:
    """Nobody but the one who crawls gives us a password, or leave to ask what is not public."""
    wanted = parse(location)
    return wanted if own else InputLine(wanted.url, wrong=wanted.wrong, own=False)


def _failed(url: str, kind: FailureKind, message: str) -> InputLine:
    return InputLine(url, wrong=f"sitemap: {message}", error=kind)
