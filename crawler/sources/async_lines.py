"""Async iterables as input: the thread that reads the input takes line by line from an event loop.

Thus only as many lines are taken as the crawl needs, and an error of the iterable reaches it.
"""

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from concurrent.futures import CancelledError
from enum import Enum


class _End(Enum):
    END = 0


_NextLine = str | _End
"""A line, or the end of the lines."""


class OwnLoopLines:
    """The lines of an async iterable, which runs on an event loop of its own in the reading thread.

    The loop only runs while the next line is awaited.
    """

    def __init__(self, lines: AsyncIterable[str]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        """Raises what the iterable raises. When it is closed, the iterable is closed, too."""
        with asyncio.Runner() as runner:
            run, iterator = runner.get_loop().run_until_complete, aiter(self._lines)
            try:
                while (line := run(_next(iterator))) is not _End.END:
                    yield line
            except asyncio.CancelledError as error:
                raise RuntimeError("the async iterable was cancelled") from error


class CallerLoopLines:
    """The lines of an async iterable that runs on the caller's event loop.

    Create it on that loop and close it there. Another thread reads it.
    """

    def __init__(self, lines: AsyncIterable[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._iterator = aiter(lines)
        self._step: asyncio.Task[object] | None = None
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[str]:
        """Raises what the iterable raises; ends early when it is closed."""
        while (line := self._wait_for_next()) is not _End.END:
            yield line

    def _wait_for_next(self) -> _NextLine:
        if self._closed.is_set():  # then the loop may be closed, too
            return _End.END
        try:
            return asyncio.run_coroutine_threadsafe(self._take(), self._loop).result()
        except CancelledError:
            if self._closed.is_set():
                return _End.END
            raise

    async def _take(self) -> _NextLine:
        if self._closed.is_set():
            return _End.END
        self._step = asyncio.current_task()
        return await _next(self._iterator)

    async def close(self) -> None:
        """Take no more lines; cancel the step of the iterable that is running."""
        self._closed.set()
        if self._step is not None and not self._step.done():
            self._step.cancel()
            await asyncio.wait([self._step])


async def _next(iterator: AsyncIterator[str]) -> _NextLine:
    return await anext(iterator, _End.END)
