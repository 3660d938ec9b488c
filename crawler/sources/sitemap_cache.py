"""Keeps sitemaps in the run: a resumed crawl reads the same ones without fetching them again."""

from pathlib import Path

import msgspec

from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason, writing
from crawler.model.files import make_folder, read_file, replace_file
from crawler.model.urls import key
from crawler.sources.input_line import InputLine
from crawler.sources.sitemaps import Fetch, SitemapBody


class _CachedSitemap(msgspec.Struct, frozen=True):
    """The ``body``, or why there is none; ``message`` beside a body says what is missing of it."""

    body: bytes | None = None
    message: str = ""
    kind: FailureKind = FailureKind.INTERNAL
    skip: SkipReason | None = None


class SitemapCache:
    """A ``Fetch`` that keeps each result, including errors, in ``directory``.

    So the lines of the input have the same numbers in every session of a crawl. Raises StateError.
    """

    def __init__(self, fetch: Fetch, directory: Path) -> None:
        self._fetch = fetch
        self._directory = directory

    def __call__(self, line: InputLine) -> SitemapBody:
        path = self._directory / f"{key(line.url) % 2**64:016x}"
        result = _read(path)
        if result is None:
            result = self._request(line)
            self._keep(path, result)
        if result.body is not None:
            loss = FetchError(result.kind, result.message) if result.message else None
            return SitemapBody(result.body, loss)
        if result.skip is not None:
            raise SkipError(result.skip, result.message)
        raise FetchError(result.kind, result.message)

    def _request(self, line: InputLine) -> _CachedSitemap:
        try:
            body, loss = self._fetch(line)
            if loss is None:
                return _CachedSitemap(body)
            return _CachedSitemap(body, loss.message, loss.kind)
        except FetchError as error:
            return _CachedSitemap(message=error.message, kind=error.kind)
        except SkipError as error:
            return _CachedSitemap(message=error.message, skip=error.reason)

    def _keep(self, path: Path, result: _CachedSitemap) -> None:
        with writing(path):
            make_folder(self._directory)
            replace_file(path, msgspec.msgpack.encode(result))


def _read(path: Path) -> _CachedSitemap | None:
    """The cached result; None if there is no file, or one damaged by a power failure."""
    try:
        return msgspec.msgpack.decode(read_file(path), type=_CachedSitemap)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
