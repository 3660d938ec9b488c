"""Gathers pages into batches: a batch costs something, however small it is."""

from collections import deque
from collections.abc import Iterable

from crawler.parsing.batch import Task
from crawler.parsing.executors.base import Batch

GATHER_S = 0.02
"""Seconds for which pages wait to become a whole batch, while workers have work."""
GATHER_IDLE_S = 0.002
"""The same while no worker has any work."""
MOST_PAGES = 128
_FIRST_PAGES = 32
"""Pages of a whole batch as long as nobody knows how long a page takes."""
_MOST_BYTES = 1 << 20
"""A batch is whole when it has so many bytes; its last page may be larger."""
_BATCH_S = 0.05
"""A whole batch takes about so many seconds: workers share slow pages evenly, and the death of a
worker costs little."""


class Gathering:
    """The pages that wait for a worker, in order.

    ``usual_s`` is the usual time of a page in seconds, 0 if it is not known.
    """

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()
        self._bytes = 0
        self._pages = _FIRST_PAGES
        self.usual_s = 0.0

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

    def learn(self, page_s: float) -> None:
        """A page of the last batch took ``page_s`` seconds, on average."""
        usual = self.usual_s or page_s
        self.usual_s = usual + (page_s - usual) / 8
        self._pages = max(1, min(MOST_PAGES, int(_BATCH_S / self.usual_s)))

    @property
    def is_whole(self) -> bool:
        """Whether the pages are enough for a whole batch."""
        return len(self._tasks) >= self._pages or self._bytes >= _MOST_BYTES

    def take(self) -> Batch:
        """Return the next batch, at most a whole one."""
        batch: list[Task] = []
        size = 0
        while self._tasks and len(batch) < self._pages and size < _MOST_BYTES:
            task = self._tasks.popleft()
            size += len(task.body)
            batch.append(task)
        self._bytes -= size
        return tuple(batch)
