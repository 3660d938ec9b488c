"""Sitemaps kept in the run: a crawl that goes on reads what it read before, and asks nobody."""

from pathlib import Path

import msgspec

from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason, writing
from crawler.model.urls import key
from crawler.sources.input_line import InputLine
from crawler.sources.sitemaps import Fetch


class _CachedSitemap(msgspec.Struct, frozen=True):
    body: bytes | None = None
    message: str = ""
    kind: FailureKind = FailureKind.INTERNAL
    skip: SkipReason | None = None


class SitemapCache:
    """A ``Fetch`` that keeps each answer, errors too, in ``directory``.

    So the lines of the input have the same numbers in every part of a crawl. Raises StateError.
    """

    def __init__(self, fetch: Fetch, directory: Path) -> None:
        self._fetch = fetch
        self._directory = directory

    def __call__(self, place: InputLine) -> bytes:
        path = self._directory / f"{key(place.url) % 2**64:016x}"
        answer = _read(path)
        if answer is None:
            answer = self._ask(place)
            self._keep(path, answer)
        if answer.body is not None:
            return answer.body
        if answer.skip is not None:
            raise SkipError(answer.skip, answer.message)
        raise FetchError(answer.kind, answer.message)

    def _ask(self, place: InputLine) -> _CachedSitemap:
        try:
            return _CachedSitemap(self._fetch(place))
        except FetchError as error:
            return _CachedSitemap(message=error.message, kind=error.kind)
        except SkipError as error:
            return _CachedSitemap(message=error.message, skip=error.reason)

    def _keep(self, path: Path, answer: _CachedSitemap) -> None:
        with writing(path):
            self._directory.mkdir(exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(msgspec.msgpack.encode(answer))
            part.replace(path)


def _read(path: Path) -> _CachedSitemap | None:
    """None also for what a loss of power left of a file."""
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=_CachedSitemap)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
