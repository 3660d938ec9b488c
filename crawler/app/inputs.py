"""Opens the input of a run: its sources, the order of their lines, and what must not change."""

import random
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from crawler.app.run_dir import Run
from crawler.app.streams import InputStreams
from crawler.frontier.entry import Candidate
from crawler.model.content_coding import Decoding
from crawler.model.errors import FetchError, UsageError
from crawler.model.exchange import MAX_SITEMAP_BYTES, Response
from crawler.model.urls import origin
from crawler.parsing.custom import parser_file
from crawler.settings import Settings
from crawler.sources import (
    PIPE,
    InputLine,
    SitemapCache,
    check_unchanged,
    digest,
    fingerprint,
    lines,
    ordered,
)
from crawler.sources.async_lines import OwnLoopLines
from crawler.sources.input_line import RawLines
from crawler.sources.order import pages_of
from crawler.sources.sitemaps import Fetch, SitemapBody, nothing_is_foreign
from crawler.sources.texts import argument, judged
from crawler.sources.unchanged import CHANGED

SOURCES = "sources"
ORDER = "order"
FILES = "files"
UrlSource = str | Iterable[str] | AsyncIterable[str]
"""URLs as they are given from Python."""
RawInput = Iterable[str | InputLine | Candidate]
FetchDocument = Callable[[InputLine], Response]
"""Fetches a document of the input; it blocks the thread."""
OpenInput = Callable[[FetchDocument], RawInput]
"""Returns the input lines."""


def facts(settings: Settings) -> dict[str, str]:
    """Return what a resume needs to read the same input in the same order, and what it checks.

    Raises UsageError.
    """
    # Raises for invalid sources before the run exists.
    lines(settings.sources, settings.column, delimiter=settings.cell_delimiter)
    seed = random.randrange(2**32) if settings.seed is None else settings.seed
    files = {flag: digest(path) if path.is_file() else PIPE for flag, path in _files(settings)}
    return {
        SOURCES: fingerprint(settings.sources),
        ORDER: str(seed),
        FILES: msgspec.json.encode(files).decode(),
    }


def check_same(run: Run) -> None:
    """Raise UsageError if the result of a resume would depend on what has changed since ``facts``.

    A run of an earlier version has no fingerprints of files.
    """
    known = run.store.facts
    check_unchanged(run.settings.sources, known.get(SOURCES, ""))
    files = msgspec.json.decode(known.get(FILES, "{}"), type=dict[str, str])
    for flag, path in _files(run.settings):
        if files.get(flag) == PIPE:
            raise UsageError(f"{flag}: {path} was a pipe, which cannot be read a second time")
        if flag in files and digest(path) != files[flag]:
            raise UsageError(f"{flag}: {path} {CHANGED}")


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the files besides the sources that the result depends on, and their flags."""
    if settings.sources and settings.history:  # URLs from Python keep their order
        yield "--history", pages_of(settings.history)
    if settings.extract:
        yield "--extract", Path(settings.extract)
    if isinstance(settings.parser, str) and (file := parser_file(settings.parser)):
        yield "--parser", file


def logins(settings: Settings) -> dict[str, str]:
    """Return ``user:password`` of the source URLs, by origin: the settings file has none."""
    found = [argument(source) for source in settings.sources if "://" in source]
    return {origin(line.url): line.userinfo for line in found if line.userinfo is not None}


def streams_of(run: Run, *, given_again: bool = False) -> InputStreams:
    """Start to copy the sources that can be read only once.

    ``given_again`` is as for ``InputStreams``.
    Raises UsageError and StateError.
    """
    return InputStreams(run, run.store.facts.get(SOURCES, ""), given_again=given_again)


def of_settings(run: Run, streams: InputStreams) -> OpenInput:
    """The sources of the settings."""

    def make(fetch: FetchDocument) -> RawLines:
        return _lines(run, streams, kept_sitemaps(run, fetch), nothing_is_foreign)

    return make


def kept_sitemaps(run: Run, fetch: FetchDocument) -> Fetch:
    """The sitemaps that ``fetch`` returns, which are kept in the run."""
    return SitemapCache(lambda line: _document(fetch(line)), run.directory / "sitemaps")


def to_divide(run: Run, streams: InputStreams) -> RawLines:
    """The sources of the settings, for shards: each reads the sitemaps of its own hosts."""
    return _lines(run, streams, None, lambda _: True)


def _lines(
    run: Run, streams: InputStreams, fetch: Fetch | None, is_foreign: Callable[[str], bool]
) -> RawLines:
    settings, known = run.settings, run.store.facts
    found = lines(
        settings.sources,
        settings.column,
        fetch,
        pipes=streams.openers,
        delimiter=settings.cell_delimiter,
        is_foreign=is_foreign,
    )
    return ordered(found, settings.line_order, int(known.get(ORDER, 0)), settings.history)


def of_python(urls: UrlSource) -> OpenInput:
    """URLs from Python, see ``lines_of``. Raises UsageError."""
    lines = lines_of(urls)
    return lambda _: lines


def lines_of(urls: UrlSource) -> RawLines:
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
    return judged(lines)


def _document(answer: Response) -> SitemapBody:
    """The decoded body, or what there is of it."""
    coding = answer.header_list("content-encoding")
    decoding = Decoding(answer.body, coding, MAX_SITEMAP_BYTES)
    try:
        body = decoding.run()
    except FetchError as error:
        return SitemapBody(decoding.so_far, error)
    assert body is not None  # it ran to the end
    return SitemapBody(body)
