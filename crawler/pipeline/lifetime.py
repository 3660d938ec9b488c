"""The tasks of a crawl on its event loop, its end, and the error that ended it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Lifetime:
    """From the start of a crawl on its event loop to its end. Create it on that loop.

    It also handles the errors of callbacks: a bug there ends the crawl with a message. Otherwise
    the crawl could wait forever.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._fail_on_mistake)
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_over(self) -> bool:
        return self._end.done()

    async def wait(self) -> None:
        """Return after ``finish``, or raise the error of ``fail``; the first call counts."""
        await self._end

    def finish(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self._end.done():
            self._end.set_exception(error)

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run ``work`` as a task and return it; an error in it ends the crawl."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.fail(error)

    async def cancel(self) -> None:
        """Cancel all running tasks, and return when they have ended."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def call_soon(self, function: Callable[..., None], *arguments: object) -> None:
        """Run ``function`` on the loop. For other threads; does nothing if the loop is closed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def fail_soon(self, error: Exception) -> None:
        """``fail``, for other threads."""
        self.call_soon(self.fail, error)

    def _fail_on_mistake(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.fail(error if isinstance(error, Exception) else RuntimeError(context["message"]))
