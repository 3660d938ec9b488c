"""Parses on the fetch thread."""

from collections import deque
from collections.abc import Sequence
from typing import Self

from crawler.model.callbacks import Fail
from crawler.parsing.batch import BatchParser, Task
from crawler.parsing.executors.base import Deliver, ExecutorOptions


class InlineExecutor:
    """Parses in ``submit``, on the fetch thread: the simplest way; it delays the requests."""

    width = 1
    workers = 0
    lost_workers = 0
    pids: Sequence[int] = ()

    def __init__(self, options: ExecutorOptions) -> None:
        self._parser = BatchParser(options.parse, options.encoders)
        self._held: deque[Task] = deque()
        self._is_held = False
        self.waiting_bytes = 0

    @property
    def waiting(self) -> int:
        return len(self._held)

    def start(self, deliver: Deliver, fail: Fail) -> None:
        self._deliver, self._fail = deliver, fail

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def submit(self, task: Task) -> None:
        if self._is_held:
            self._held.append(task)
            self.waiting_bytes += len(task.body)
        else:
            self._deliver(self._parser.run((task,)))

    def hold(self) -> None:
        self._is_held = True

    def release(self) -> None:
        self._is_held = False
        while self._held and not self._is_held:
            task = self._held.popleft()
            self.waiting_bytes -= len(task.body)
            self.submit(task)
