"""Parses on threads of this process."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self

from crawler.model.callbacks import Fail
from crawler.parsing.batch import BatchParser, Results, Task
from crawler.parsing.executors.base import BATCH, Deliver, ExecutorOptions


class ThreadExecutor:
    """Parses on threads. lexbor holds the GIL, so this is not faster than ``inline``."""

    pids: Sequence[int] = ()

    def __init__(self, options: ExecutorOptions) -> None:
        workers = options.workers
        self._idle = [BatchParser(options.parse, options.encoders) for _ in range(workers)]
        self._threads = ThreadPoolExecutor(workers, "crawler-parse")
        self._queue: list[Task] = []
        self.width = workers * BATCH
        self.waiting = 0
        self.waiting_bytes = 0

    def start(self, deliver: Deliver, fail: Fail) -> None:
        self._deliver, self._fail = deliver, fail

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._queue.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: Task) -> None:
        self.waiting += 1
        self.waiting_bytes += len(task.body)
        self._queue.append(task)
        self._start()

    def _start(self) -> None:
        while self._idle and self._queue:
            batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
            parser = self._idle.pop()
            running = self._loop.run_in_executor(self._threads, parser.run_timed, batch)
            running.add_done_callback(partial(self._done, parser, batch))

    def _done(
        self, parser: BatchParser, batch: list[Task], done: "asyncio.Future[Results]"
    ) -> None:
        self._idle.append(parser)
        self.waiting -= len(batch)
        self.waiting_bytes -= sum(len(task.body) for task in batch)
        if not done.cancelled():
            self._deliver(done.result())
            self._start()
