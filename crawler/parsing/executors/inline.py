"""Parses on the fetch thread."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Self

import msgspec

from crawler.model.callbacks import Fail
from crawler.model.content_coding import Decoding
from crawler.model.errors import FetchError
from crawler.parsing.batch import BatchParser, Outcome, Results, Task
from crawler.parsing.executors.base import Deliver, ExecutorOptions

SLICE = 0.01
"""Seconds of CPU for which a body is decoded before the requests get the thread again."""


class InlineExecutor:
    """Parses in ``submit``, on the fetch thread: the simplest way; it delays the requests.

    A body that takes longer than ``SLICE`` to decode is decoded in several iterations of the loop,
    and the pages after it wait for it.
    """

    width = 1
    workers = 0
    lost_workers = 0
    pids: Sequence[int] = ()

    def __init__(self, options: ExecutorOptions) -> None:
        self._parser = BatchParser(options.parse, options.encoders)
        self._no_pages = Results((), tuple(b"" for _ in options.encoders))
        self._max_bytes = options.parse.max_bytes
        self._queue: deque[tuple[Task, Decoding]] = deque()
        self._is_held = self._is_due = False
        self.waiting_bytes = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def start(self, deliver: Deliver, fail: Fail) -> None:
        self._deliver, self._fail = deliver, fail

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._queue.clear()

    def submit(self, task: Task) -> None:
        self._queue.append((task, Decoding(task.body, task.job.content_encoding, self._max_bytes)))
        self.waiting_bytes += len(task.body)
        if len(self._queue) == 1 and not self._is_held:
            self._advance()

    def hold(self) -> None:
        self._is_held = True

    def release(self) -> None:
        self._is_held = False
        self._advance()

    def _advance(self) -> None:
        """Continue with the page that has waited longest; with the next one in the next iteration
        of the loop.
        """
        if self._is_due or self._is_held or not self._queue:
            return
        results = self._try(*self._queue[0])
        if results is not None:
            task, _ = self._queue.popleft()
            self.waiting_bytes -= len(task.body)
        if self._queue:
            self._is_due = True
            self._loop.call_soon(self._continue)
        if results is not None:
            self._deliver(results)

    def _continue(self) -> None:
        self._is_due = False
        self._advance()

    def _try(self, task: Task, decoding: Decoding) -> Results | None:
        """Decode for ``SLICE``, and parse the page if that was enough."""
        try:
            body = decoding.run(SLICE)
        except FetchError as error:
            outcome = Outcome(task.job.id, error=error.kind, message=error.message)
            return msgspec.structs.replace(self._no_pages, outcomes=(outcome,))
        if body is None:
            return None
        job = msgspec.structs.replace(task.job, content_encoding=None)
        return self._parser.run((Task(job, body),))
