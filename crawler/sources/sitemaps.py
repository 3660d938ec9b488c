"""The URLs in a sitemap, including those in the sitemaps that an index lists."""

import logging
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import NamedTuple

import msgspec

from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.urls import key
from crawler.sources.input_line import InputLine, Refusals, parse, shown
from crawler.sources.location import LocationError, absolute, cleaned
from crawler.sources.sitemap import Sitemap, bounded, looks_like_sitemap
from crawler.sources.sitemap_entries import Location
from crawler.sources.sitemap_text import is_url_list, line_locations

log = logging.getLogger(__name__)

MAX_DEPTH = 2
"""Levels of indexes above a sitemap; the protocol allows one."""
_TOO_DEEP = f"more than {MAX_DEPTH} levels of indexes"
MAX_SITEMAPS = 50_000
"""Number of sitemaps fetched in a run; as many as one index may list."""
NOT_A_SITEMAP = "%s is not a sitemap: its root is <%s>; it is crawled as a page"
_XML_NAMES = (".xml", ".rss", ".atom")
_TEXT_NAMES = (".txt",)


class SitemapBody(NamedTuple):
    """A body, Content-Encoding decoded; ``loss`` says why it is not all of it."""

    body: bytes
    loss: FetchError | None = None


Fetch = Callable[[InputLine], SitemapBody]
"""Returns the body at a URL, fetched by the rules of the crawl.

It blocks. For an ``own`` line, its address and userinfo are used like those of the input. Raises
FetchError and SkipError.
"""


def nothing_is_foreign(_url: str) -> bool:
    return False


def is_sitemap_url(url: str) -> bool:
    """Whether the canonical ``url`` is named like a sitemap, a feed or a text."""
    return _name(url).endswith(_XML_NAMES + _TEXT_NAMES)


def _name(url: str) -> str:
    return url.partition("?")[0].lower().removesuffix(".gz")


class Sitemaps:
    """Reads the sitemaps of a run, each once.

    A sitemap that cannot be read to its end is a failed or skipped line, and so is each of its
    entries that cannot be used.
    """

    def __init__(
        self, fetch: Fetch | None, is_foreign: Callable[[str], bool] = nothing_is_foreign
    ) -> None:
        """Without ``fetch`` a sitemap URL is treated as a page.

        A sitemap that ``is_foreign`` is for another shard of the crawl: it is a line, see
        ``InputLine.sitemap``.
        """
        self._fetch = fetch
        self._is_foreign = is_foreign
        self._seen: set[int] = set()
        self._refusals = Refusals()

    def at(self, line: InputLine) -> Iterator[InputLine]:
        """The URLs in the sitemap at ``line``; if it is not a sitemap, ``line`` as a page."""
        return self._at(line, line.sitemap or 0)

    def within(self, name: str, sitemap: Sitemap) -> Iterator[InputLine]:
        """The URLs in a sitemap file on this machine; records use ``name`` for it."""
        return self._within(name, sitemap, 0, own=True)

    def _at(self, line: InputLine, depth: int) -> Iterator[InputLine]:
        identity = key(line.url)
        if identity in self._seen:
            return
        if self._is_foreign(line.url):
            self._seen.add(identity)
            yield msgspec.structs.replace(line, sitemap=depth)
            return
        if self._fetch is None:
            yield line
            return
        if len(self._seen) >= MAX_SITEMAPS:
            yield _failed(line.url, FailureKind.TOO_LARGE, f"more than {MAX_SITEMAPS:,} sitemaps")
            return
        self._seen.add(identity)
        if depth > MAX_DEPTH:
            yield _failed(line.url, FailureKind.PARSE, _TOO_DEEP)
            return
        try:
            fetched = self._fetch(line)
            yield from self._read(line, fetched, depth)
        except FetchError as error:
            yield _failed(line.url, error.kind, error.message)
        except SkipError as error:
            yield InputLine(line.url, wrong=f"sitemap: {error.message}", skip=error.reason)

    def _read(self, line: InputLine, fetched: SitemapBody, depth: int) -> Iterator[InputLine]:
        """Raises FetchError."""
        file, loss = BytesIO(fetched.body), fetched.loss
        if is_url_list(file):
            locations = _ended_by(loss, bounded(line_locations(file)))
            yield from self._found(line.url, locations, depth, own=False)
        elif depth == 0 and _is_plain_text(line.url, file):
            yield line
        else:
            sitemap = _opened(file, loss)
            if depth == 0 and not sitemap.is_sitemap:
                log.warning(NOT_A_SITEMAP, line.url, shown(sitemap.root))
                yield line
            else:
                yield from self._within(line.url, sitemap, depth, own=False, loss=loss)

    def _within(
        self, name: str, sitemap: Sitemap, depth: int, *, own: bool, loss: FetchError | None = None
    ) -> Iterator[InputLine]:
        if not sitemap.is_sitemap:
            yield _failed(name, FailureKind.PARSE, f"<{shown(sitemap.root)}> is not a sitemap")
        elif sitemap.is_index and depth >= MAX_DEPTH:
            yield _failed(name, FailureKind.PARSE, _TOO_DEEP)
        else:
            yield from self._found(name, _ended_by(loss, sitemap), depth, own=own)

    def _found(
        self, name: str, locations: Iterable[Location], depth: int, *, own: bool
    ) -> Iterator[InputLine]:
        try:
            for number, location in enumerate(locations, 1):
                line = self._line(name, number, location, own=own)
                if location.is_sitemap and line.wrong is None:
                    yield from self._at(line, depth + 1)
                else:
                    yield line
        except FetchError as error:
            yield _failed(name, error.kind, error.message)

    def _line(self, name: str, number: int, location: Location, *, own: bool) -> InputLine:
        """Parse a location. If it was found on the network, it has no userinfo and no rights."""
        try:
            if location.wrong:
                raise LocationError(location.wrong)
            text = location.text if location.is_clean else cleaned(location.text)
            text = absolute(text, None if own else name)
        except LocationError as error:
            return _lost(name, number, location, str(error))
        line = parse(text)
        if line.wrong is not None:
            return self._refused(name, number, location, line)
        return line if own else InputLine(line.url, own=False, found_at=name)

    def _refused(self, name: str, number: int, location: Location, line: InputLine) -> InputLine:
        """A text that is not a URL. Entries are known by their URLs: a second one needs another."""
        assert line.wrong is not None
        if self._refusals.is_taken(line.url):
            return _lost(name, number, location, line.wrong, FailureKind.URL)
        message = f"{line.wrong} (line {location.line} of {name})"
        return InputLine(line.url, wrong=message, own=False)


def _is_plain_text(url: str, file: BytesIO) -> bool:
    return _name(url).endswith(_TEXT_NAMES) and not looks_like_sitemap(file)


def _opened(file: BytesIO, loss: FetchError | None) -> Sitemap:
    """Raises FetchError: ``loss`` if what is left is not XML."""
    try:
        return Sitemap(file)
    except FetchError as error:
        raise loss or error from None


def _ended_by(loss: FetchError | None, locations: Iterable[Location]) -> Iterator[Location]:
    """``locations``, and then ``loss``, which is why they end. Raises FetchError."""
    try:
        yield from locations
    except FetchError as error:
        raise loss or error from None
    if loss is not None:
        raise loss


def _lost(
    name: str, number: int, location: Location, why: str, kind: FailureKind = FailureKind.PARSE
) -> InputLine:
    """An entry that is not used. Its text may be part of the URL of another one."""
    text = location.text.strip()
    quoted = f": {shown(text)}" if text else ""
    message = f"sitemap: line {location.line}: {why}{quoted}"
    return InputLine(f"{name}#entry={number}", wrong=message, error=kind)


def _failed(url: str, kind: FailureKind, message: str) -> InputLine:
    return InputLine(url, wrong=f"sitemap: {message}", error=kind)
