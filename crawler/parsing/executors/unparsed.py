"""Makes the digests and records of pages that are not parsed."""

import time
from itertools import takewhile

from crawler.parsing.batch import BatchParser, Task
from crawler.parsing.executors.base import ExecutorOptions
from crawler.parsing.executors.inline import SLICE
from crawler.parsing.executors.thread import ThreadExecutor

SMALL_BYTES = 256 * 1024
"""The digest of such a body takes less time than to hand it over: for each page, two threads would
wait for each other at the interpreter's lock.
"""


class UnparsedExecutor(ThreadExecutor):
    """Small pages are finished on the fetch thread, all that came in one iteration together.

    Large bodies and encoded ones go to other threads: their digest and their decoding need no GIL.
    """

    def __init__(self, options: ExecutorOptions) -> None:
        super().__init__(options)
        self._parser = BatchParser(options.parse, options.encoders)
        self._small: list[Task] = []

    async def __aexit__(self, *_: object) -> None:
        self._small.clear()
        await super().__aexit__()

    def _enqueue(self, task: Task) -> None:
        if task.job.content_encoding or len(task.body) > SMALL_BYTES:
            super()._enqueue(task)
        else:
            self._small.append(task)

    def _feed(self) -> None:
        super()._feed()
        if self._small and not self._is_held:
            self._finish_small()

    def _finish_small(self) -> None:
        """Finish small pages for ``SLICE`` seconds, and the rest in the next iteration."""
        until = time.monotonic() + SLICE
        results = self._parser.run(takewhile(lambda _: time.monotonic() < until, self._small))
        self._small = list(self._settle(self._small, results))
        if self._small:
            self._feed_soon()
        self._deliver(results)
