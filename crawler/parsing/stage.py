"""The parse stage as the core sees it, and its two forms without a process of its own."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, Self

from crawler.parsing.batch import BatchParser, Results, Task
from crawler.parsing.job import ParseOptions
from crawler.sinks.base import Encoder

Deliver = Callable[[Results], None]
Fail = Callable[[Exception], None]
BATCH = 32
"""Pages a worker gets at most at once: a page alone costs twice the transport."""


class ParseStage(Protocol):
    """Takes responses, delivers results; an async context manager on the core's loop.

    ``deliver`` is called on that loop, ``fail`` when the stage can work no more. Leaving the stage
    waits for nothing: the core leaves it when everything was delivered, or when it has given up.
    """

    deliver: Deliver
    fail: Fail

    @property
    def waiting(self) -> int:
        """Pages submitted and not delivered."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the bodies submitted and not delivered."""
        ...

    @property
    def width(self) -> int:
        """How many pages it can work on at once, batches counted whole."""
        ...

    @property
    def pids(self) -> Sequence[int]:
        """Its processes, for the memory figure."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def submit(self, task: Task) -> None: ...


class InlineStage:
    """Parses at once, on the fetch thread: simple, and honest about what it costs."""

    waiting = 0
    waiting_bytes = 0
    width = 1
    pids: Sequence[int] = ()
    deliver: Deliver
    fail: Fail

    def __init__(self, options: ParseOptions, encoders: Sequence[Encoder]) -> None:
        self._parser = BatchParser(options, encoders)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def submit(self, task: Task) -> None:
        self.deliver(self._parser.run((task,)))


class ThreadStage:
    """Parses on threads. lexbor holds the GIL, so this buys order, not speed."""

    pids: Sequence[int] = ()
    deliver: Deliver
    fail: Fail

    def __init__(self, options: ParseOptions, encoders: Sequence[Encoder], workers: int) -> None:
        self._idle = [BatchParser(options, encoders) for _ in range(workers)]
        self._threads = ThreadPoolExecutor(workers, "crawler-parse")
        self._queue: list[Task] = []
        self.width = workers * BATCH
        self.waiting = 0
        self.waiting_bytes = 0

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
            self.deliver(done.result())
            self._start()
