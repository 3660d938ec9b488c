"""A thread that runs jobs in order, so that the fetch thread does not wait for the disk."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from crawler.model.callbacks import Fail

T = TypeVar("T")


class Jobs(Protocol):
    """Runs jobs in the order of the calls, not on the thread of the caller."""

    def do(self, job: Callable[[], T], then: Callable[[T], None], fail: Fail) -> None:
        """Run ``job``; then call, on the caller's loop, ``then`` with its result, or ``fail`` with
        its error.
        """
        ...

    def run(self, job: Callable[[], T]) -> Awaitable[T]:
        """Run ``job``; awaiting returns its result or raises its error."""
        ...

    def close(self) -> None:
        """Drop the jobs that wait, and return when the running job has ended."""
        ...


class JobThread:
    """Runs jobs on one thread. Call it from one event loop."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    def do(self, job: Callable[[], T], then: Callable[[T], None], fail: Fail) -> None:
        def done(future: "asyncio.Future[T]") -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                then(future.result())
            else:
                assert isinstance(error, Exception)
                fail(error)

        self.run(job).add_done_callback(done)

    def run(self, job: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, job)

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
