"""Opens the input of a run: its sources, their copies in the run directory, and their order."""

import random
from collections.abc import AsyncIterable, Callable, Iterable
from io import BufferedIOBase

from crawler.app.run_dir import Run
from crawler.model.content_coding import decode_body
from crawler.model.errors import UsageError
from crawler.model.exchange import Response
from crawler.model.urls import origin
from crawler.settings import Settings
from crawler.sources import (
    InputCopy,
    InputLine,
    SitemapCache,
    check_unchanged,
    fingerprint,
    lines,
    ordered,
    parse,
    read_copy,
    standard_input,
)
from crawler.sources.async_lines import OwnLoopLines
from crawler.sources.sitemap import MAX_BYTES

SOURCES = "sources"
ORDER = "order"
UrlSource = str | Iterable[str] | AsyncIterable[str]
"""URLs as they are given from Python."""
OpenInput = Callable[[Callable[[InputLine], Response]], Iterable[str | InputLine]]
"""Returns the input lines. Its argument fetches a document of the input (it blocks the thread)."""


def facts(settings: Settings) -> dict[str, str]:
    """Return what a resume needs to read the same input in the same order. Raises UsageError."""
    lines(settings.sources, settings.column)  # raises for invalid sources before the run exists
    seed = random.randrange(2**32) if settings.seed is None else settings.seed
    return {SOURCES: fingerprint(settings.sources), ORDER: str(seed)}


def logins(settings: Settings) -> dict[str, str]:
    """Return ``user:password`` of the source URLs, by origin: the settings file has none."""
    found = [parse(source) for source in settings.sources if "://" in source]
    return {origin(line.url): line.userinfo for line in found if line.userinfo is not None}


def of_settings(run: Run) -> OpenInput:
    """The sources of the settings. Raises UsageError if one has changed since the run began."""
    settings, known = run.settings, run.store.facts
    if run.resumed:
        check_unchanged(settings.sources, known.get(SOURCES, ""))
    stdin = _standard_input(run) if "-" in settings.sources else _no_standard_input

    def make(fetch: Callable[[InputLine], Response]) -> Iterable[str | InputLine]:
        cache = SitemapCache(lambda line: _decoded_body(fetch(line)), run.directory / "sitemaps")
        found = lines(settings.sources, settings.column, cache, stdin)
        return ordered(found, settings.line_order, int(known.get(ORDER, 0)), settings.history)

    return make


def of_python(urls: UrlSource) -> OpenInput:
    """URLs from Python; an async iterable runs on an event loop of its own. Raises UsageError."""
    lines: Iterable[str]
    if isinstance(urls, str):
        lines = (urls,)
    elif isinstance(urls, Iterable):
        lines = urls
    elif isinstance(urls, AsyncIterable):
        lines = OwnLoopLines(urls)
    else:
        raise UsageError(f"the URLs must be a string or an iterable of strings, not {urls!r}")
    return lambda _: lines


def _standard_input(run: Run) -> Callable[[], BufferedIOBase]:
    path = run.directory / "stdin"
    if run.resumed:
        return lambda: read_copy(path)
    copy = InputCopy(standard_input(), path)
    copy.start()
    return copy.open


def _no_standard_input() -> BufferedIOBase:
    raise UsageError("standard input is not among the sources")


def _decoded_body(document: Response) -> bytes:
    return decode_body(document.body, document.header_list("content-encoding"), MAX_BYTES)
