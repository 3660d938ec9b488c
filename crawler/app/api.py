"""The Python API: a crawl in one call, or pages as they come."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, Unpack

import msgspec

from crawler.app.inputs import of_iterable
from crawler.app.report import write_report
from crawler.app.run_dir import Run, begin, resume
from crawler.app.thread import CrawlOrder, CrawlThread
from crawler.metrics.report import Report
from crawler.model.errors import UsageError
from crawler.model.pages import Page
from crawler.reporting.html.write import write_html
from crawler.runs.layout import resumed_settings
from crawler.settings import Settings
from crawler.settings.keywords import CrawlKeywords
from crawler.sinks.base import Sink
from crawler.sinks.stream import PageEncoder, StreamWriter

STREAM = "stream"
"""The name of the output that ``Crawler.stream`` reads."""


def crawl(urls: str | Iterable[str], **options: Unpack[CrawlKeywords]) -> Report:
    """Crawl ``urls`` (http or https; read lazily, from another thread) and wait for the end.

    ``options`` are those of ``Settings``. Pages go to ``out``, or into the run directory. With
    ``resume`` the run continues after the ``urls`` it had taken: they must be the same. Works in a
    script without a ``__main__`` guard and within a running event loop, which it blocks.
    Raises UsageError for what cannot be done as asked, StateError when the crawl cannot go on;
    KeyboardInterrupt once what was in flight is finished.
    """
    started = time.monotonic()
    with _run(options) as run:
        thread = CrawlThread(CrawlOrder(run, of_iterable(urls), started))
        thread.start()
        try:
            thread.wait()
        except KeyboardInterrupt:
            thread.stop()
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
        """Pages as they are done, in no order. A slow reader slows the crawl and loses nothing.

        Failures and skips are counted in ``report``, and recorded where ``Settings.run`` says.
        Raises UsageError, StateError.
        """
        settings, started = self._settings, time.monotonic()
        writer = StreamWriter()
        with ExitStack() as stack:
            if not settings.run:
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                settings = msgspec.structs.replace(settings, run=f"{folder}/run")
            run = stack.enter_context(begin(settings))
            sinks = [Sink(STREAM, PageEncoder(), writer)]
            order = CrawlOrder(
                run, of_iterable(urls), started, sinks, page_files=bool(settings.out)
            )
            thread = CrawlThread(order)
            self._running.add(thread)
            try:
                thread.start()
                async for page in self._pages(writer):
                    yield page
                await self._off_loop(thread.wait)
                self.report = write_report(thread.report(), run.directory)
            finally:
                writer.abandon()
                thread.abort()
                await self._off_loop(thread.wait)
                self._running.discard(thread)

    async def _pages(self, writer: StreamWriter) -> AsyncIterator[Page]:
        while (pages := await self._off_loop(writer.read)) is not None:
            for page in pages:
                yield page

    async def _off_loop(self, function: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._readers, function)


def _run(options: CrawlKeywords) -> Run:
    if "sources" in options:
        raise UsageError("crawl: the first argument has the URLs; sources cannot be given")
    place = options.get("run")
    if options.get("resume"):
        directory = Path(place) if place else None
        settings = resumed_settings(directory, options)
        assert directory is not None
        return resume(directory, settings)
    try:
        return begin(Settings(**options))
    except TypeError as error:
        raise UsageError(f"crawl: {error}") from None
