"""Parses on the fetch thread."""

from collections.abc import Sequence
from typing import Self

from crawler.model.callbacks import Fail
from crawler.parsing.batch import BatchParser, Task
from crawler.parsing.executors.base import Deliver, ExecutorOptions


class InlineExecutor:
    """Parses in ``submit``, on the fetch thread: the simplest way; it delays the requests."""

    waiting = 0
    waiting_bytes = 0
    width = 1
    workers = 0
    lost_workers = 0
    pids: Sequence[int] = ()

    def __init__(self, options: ExecutorOptions) -> None:
        self._parser = BatchParser(options.parse, options.encoders)

    def start(self, deliver: Deliver, fail: Fail) -> None:
        self._deliver, self._fail = deliver, fail

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def submit(self, task: Task) -> None:
        self._deliver(self._parser.run((task,)))
