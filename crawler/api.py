"""The Python API: a crawl in one call, or pages as they come."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from crawler.build import Sink, page_sinks
from crawler.errors import UsageError
from crawler.metrics.report import Report
from crawler.model import Page
from crawler.runner import CrawlThread, make_directory, write_report, write_settings
from crawler.settings import Settings
from crawler.sinks.stream import PageEncoder, StreamWriter


def crawl(urls: str | Iterable[str], **options: Any) -> Report:
    """Crawl ``urls`` (http or https; read lazily, from another thread) and wait for the end.

    ``options`` are those of ``Settings``. Pages go to ``out``, or into the run directory. Works in
    a script without a ``__main__`` guard and within a running event loop, which it blocks.
    Raises UsageError for what cannot be done as asked, StateError when the crawl cannot go on;
    KeyboardInterrupt once what was in flight is finished.
    """
    started = time.monotonic()
    settings = _settings(options)
    directory = make_directory(settings)
    write_settings(settings, directory)
    thread = CrawlThread(
        settings, _lines(urls), page_sinks(settings, directory), directory, started
    )
    thread.start()
    try:
        thread.wait()
    except KeyboardInterrupt:
        thread.stop()
        thread.wait()
        raise
    return write_report(thread.report(), directory)


class Crawler:
    """Streams pages into the caller's own event loop; the crawl runs on a thread of its own.

    >>> async with Crawler(Settings(engine="curl")) as crawler:
    ...     async for page in crawler.stream(urls):
    ...         print(page.url, page.title)

    ``report`` is that of the last stream that came to its end.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._running: set[CrawlThread] = set()
        self.report: Report | None = None

    async def __aenter__(self) -> Self:
        self._readers = ThreadPoolExecutor(thread_name_prefix="crawler-stream")
        return self

    async def __aexit__(self, *_: object) -> None:
        for thread in self._running:
            thread.abort()
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def stream(self, urls: str | Iterable[str]) -> AsyncIterator[Page]:
        """Pages as they are done, in no order. Who reads slowly slows the crawl, and loses nothing.

        Failures and skips are counted in ``report``, and recorded where ``Settings.run`` says.
        Raises UsageError, StateError.
        """
        settings, started = self._settings, time.monotonic()
        directory = make_directory(settings) if settings.run else Path(tempfile.mkdtemp())
        writer = StreamWriter()
        sinks: list[Sink] = [(PageEncoder(), writer)]
        if settings.out:
            sinks += page_sinks(settings, directory)
        thread = CrawlThread(settings, _lines(urls), sinks, directory, started)
        self._running.add(thread)
        try:
            thread.start()
            async for page in self._pages(writer):
                yield page
            await self._off_loop(thread.wait)
            self.report = write_report(thread.report(), directory)
        finally:
            writer.abandon()
            thread.abort()
            await self._off_loop(thread.wait)
            self._running.discard(thread)
            if not settings.run:
                shutil.rmtree(directory)

    async def _pages(self, writer: StreamWriter) -> AsyncIterator[Page]:
        while (pages := await self._off_loop(writer.read)) is not None:
            for page in pages:
                yield page

    async def _off_loop(self, function: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._readers, function)


def _lines(urls: str | Iterable[str]) -> Iterable[str]:
    return (urls,) if isinstance(urls, str) else urls


def _settings(options: dict[str, Any]) -> Settings:
    try:
        return Settings(**options)
    except TypeError as error:
        raise UsageError(f"crawl: {error}") from None
