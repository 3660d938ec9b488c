"""Gathers pages into batches: a batch costs something, however small it is."""

from collections import deque
from collections.abc import Iterable

from crawler.parsing.batch import Task
from crawler.parsing.executors.base import Batch

GATHER_S = 0.02
"""Seconds for which pages wait to become a batch that is worth it."""
WORTH_PAGES = 64
_WORTH_BYTES = 256 << 10
_MOST_PAGES = 128
_MOST_BYTES = 1 << 20
"""A batch is complete when it has so many bytes; its last page may be larger."""


class Gathering:
    """The pages that wait for a worker, in order."""

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def add(self, task: Task) -> None:
        self._tasks.append(task)
        self._bytes += len(task.body)

    def put_back(self, tasks: Iterable[Task]) -> None:
        """These pages are next, in this order."""
        for task in reversed(tuple(tasks)):
            self._tasks.appendleft(task)
            self._bytes += len(task.body)

    @property
    def is_worth_it(self) -> bool:
        """Whether the pages are enough for a batch."""
        return len(self._tasks) >= WORTH_PAGES or self._bytes >= _WORTH_BYTES

    def take(self) -> Batch:
        batch: list[Task] = []
        size = 0
        while self._tasks and len(batch) < _MOST_PAGES and size < _MOST_BYTES:
            task = self._tasks.popleft()
            size += len(task.body)
            batch.append(task)
        self._bytes -= size
        return tuple(batch)
