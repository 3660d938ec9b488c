"""The Python API: a crawl in one call, or pages as they come."""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal, Self, Unpack, overload

import msgspec

from crawler.app.inputs import UrlSource, check_same, facts, of_python
from crawler.app.report import write_report
from crawler.app.run_dir import Run, begin, resume
from crawler.app.thread import CrawlOrder, CrawlThread
from crawler.metrics.report import Report
from crawler.model.errors import UsageError
from crawler.model.pages import Failure, Page
from crawler.reporting.html.write import write_html
from crawler.runs.layout import check_is_whole, resumed_settings
from crawler.settings import Settings
from crawler.settings.keywords import CrawlKeywords
from crawler.sinks.base import Sink
from crawler.sinks.stream import RecordEncoder, StreamWriter
from crawler.sources.async_lines import CallerLoopLines

STREAM = "stream"
"""The name of the output that ``Crawler.stream`` reads."""


def crawl(urls: UrlSource, **options: Unpack[CrawlKeywords]) -> Report:
    """``crawler.crawl`` without shards, see ``distributed/api.py``."""
    started = time.monotonic()
    with _run(options) as run:
        if run.resumed:
            check_same(run)
        thread = CrawlThread(CrawlOrder(run, of_python(urls), started))
        thread.start()
        try:
            thread.wait()
        except KeyboardInterrupt:
            thread.stop()
            try:
                thread.wait()
            except KeyboardInterrupt:
                thread.abort()
                thread.wait()
            raise
        report = write_report(thread.report(), run.directory)
        write_html(run.directory)
        return report


class Crawler:
    """Streams pages into the caller's own event loop; the crawl runs on a thread of its own.

    >>> async with Crawler(Settings(engine="curl")) as crawler:
    ...     async for page in crawler.stream(urls):
    ...         print(page.url, page.title)

    ``report`` is that of the last stream that came to its end.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._running: dict[CrawlThread, StreamWriter] = {}
        self.report: Report | None = None

    async def __aenter__(self) -> Self:
        self._readers = ThreadPoolExecutor(thread_name_prefix="crawler-stream")
        return self

    async def __aexit__(self, *_: object) -> None:
        # A stream that was left by ``break`` is closed by the loop, but not before this runs.
        for thread, writer in list(self._running.items()):
            await self._end(thread, writer)
        self._readers.shutdown(wait=False, cancel_futures=True)

    @overload
    def stream(
        self, urls: UrlSource, *, failures: Literal[False] = False
    ) -> AsyncGenerator[Page, None]: ...

    @overload
    def stream(
        self, urls: UrlSource, *, failures: bool
    ) -> AsyncGenerator[Page | Failure, None]: ...

    async def stream(
        self, urls: UrlSource, *, failures: bool = False
    ) -> AsyncGenerator[Page | Failure, None]:
        """Pages as they are done, in no order; with ``failures``, also each URL that failed.

        A slow reader slows the crawl down, and loses nothing. An async iterable runs on the
        caller's event loop. Skips, and failures that are not asked for, are only counted in
        ``report``, and recorded where ``Settings.run`` says. Raises UsageError, StateError, and
        what ``urls`` raises.
        """
        settings, started = self._settings, time.monotonic()
        encoder, writer = RecordEncoder(), StreamWriter()
        async with AsyncExitStack() as stack:
            if not settings.run:
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                settings = msgspec.structs.replace(settings, run=f"{folder}/run")
            run = stack.enter_context(begin(settings, facts(settings)))
            sinks = [Sink(STREAM, encoder, writer, encoder.encode if failures else None)]
            if isinstance(urls, AsyncIterable) and not isinstance(urls, Iterable):
                urls = CallerLoopLines(urls)
                stack.push_async_callback(urls.close)
            order = CrawlOrder(run, of_python(urls), started, sinks, page_files=bool(settings.out))
            thread = CrawlThread(order)
            self._running[thread] = writer
            try:
                thread.start()
                async for record in self._records(writer):
                    yield record
                await self._off_loop(thread.wait)
                self.report = write_report(thread.report(), run.directory)
            finally:
                await self._end(thread, writer)

    async def _end(self, thread: CrawlThread, writer: StreamWriter) -> None:
        """End a crawl and wait until it has ended."""
        writer.abandon()
        thread.abort()
        if not thread.wait(0):
            await self._off_loop(thread.wait)
        self._running.pop(thread, None)

    async def _records(self, writer: StreamWriter) -> AsyncIterator[Page | Failure]:
        while (records := await self._off_loop(writer.read)) is not None:
            for record in records:
                yield record

    async def _off_loop(self, function: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._readers, function)


def _run(options: CrawlKeywords) -> Run:
    place = options.get("run")
    if options.get("resume"):
        check_keywords(options)
        directory = Path(place) if place else None
        check_is_whole(directory)
        settings = resumed_settings(directory, options)
        assert directory is not None
        return resume(directory, settings)
    settings = settings_of(options)
    return begin(settings, facts(settings))


def settings_of(options: CrawlKeywords) -> Settings:
    """Raises UsageError."""
    check_keywords(options)
    try:
        return Settings(**options)
    except TypeError as error:
        raise UsageError(f"crawl: {error}") from None


def check_keywords(options: CrawlKeywords) -> None:
    """Raises UsageError."""
    if "sources" in options:
        raise UsageError("crawl: the first argument has the URLs; sources cannot be given")
