"""Parses with any ``concurrent.futures.Executor``: batches out, results back."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Self

from crawler.model.callbacks import Fail
from crawler.model.errors import CrawlerError, StateError
from crawler.parsing.batch import Results, Task
from crawler.parsing.executors.base import Batch, Deliver

_BATCH = 32
"""Maximum number of pages per call: one call costs as much as the parsing of a small page."""

ParseBatch = Callable[[Batch], Results]


class FuturesExecutor:
    """Calls ``parse`` in ``executor``, with at most ``most`` batches at once.

    The executor is not shut down here. It has no deadline for a page: a thread cannot be ended.
    """

    pids: Sequence[int] = ()
    lost_workers = 0

    def __init__(self, executor: Executor, parse: ParseBatch, workers: int, most: int) -> None:
        self._executor = executor
        self._parse = parse
        self._most = most
        self._running: set[asyncio.Future[Results]] = set()
        self._queue: list[Task] = []
        self._is_held = self._is_due = False
        self.workers = workers
        self.width = most * _BATCH
        self.waiting = 0
        self.waiting_bytes = 0

    def start(self, deliver: Deliver, fail: Fail) -> None:
        self._deliver, self._fail = deliver, fail

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._queue.clear()
        for running in self._running:
            running.cancel()

    def submit(self, task: Task) -> None:
        self.waiting += 1
        self.waiting_bytes += len(task.body)
        self._enqueue(task)
        self._feed_soon()

    def _enqueue(self, task: Task) -> None:
        self._queue.append(task)

    def _feed_soon(self) -> None:
        """Feed the executor in the next iteration, with all pages that come until then."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._feed)

    def hold(self) -> None:
        self._is_held = True

    def release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._feed()

    def _feed(self) -> None:
        self._is_due = False
        while len(self._running) < self._most and self._queue and not self._is_held:
            batch, self._queue = tuple(self._queue[:_BATCH]), self._queue[_BATCH:]
            try:
                future = self._executor.submit(self._parse, batch)
            except Exception as error:  # noqa: BLE001 - the user's executor may raise anything
                self._stop(error)
                return
            running = asyncio.wrap_future(future, loop=self._loop)
            self._running.add(running)
            running.add_done_callback(partial(self._done, batch))

    def _done(self, batch: Batch, done: "asyncio.Future[Results]") -> None:
        self._running.discard(done)
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._stop(error)
            return
        results = done.result()
        self._queue[:0] = self._settle(batch, results)
        self._deliver(results)
        self._feed()

    def _settle(self, tasks: Sequence[Task], results: Results) -> Sequence[Task]:
        """Count the first ``tasks``, which have ``results``, as done; return the others."""
        parsed = len(results.outcomes)
        self.waiting -= parsed
        self.waiting_bytes -= sum([len(task.body) for task in tasks[:parsed]])
        return tasks[parsed:]

    def _stop(self, error: BaseException) -> None:
        """Its pages have no result, and there is no way to replace a broken executor."""
        self._queue.clear()
        if not isinstance(error, CrawlerError):
            what = f"{type(self._executor).__name__}: {type(error).__name__}: {error}"
            error = StateError(f"the executor that parses stopped ({what})")
        self._fail(error)
