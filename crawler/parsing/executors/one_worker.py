"""One worker process, in a pool of its own, as its parent sees it."""

import errno
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import closing
from multiprocessing import Pipe
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, Protocol

from crawler.parsing.batch import Task
from crawler.parsing.executors import worker
from crawler.parsing.executors.base import Batch
from crawler.parsing.executors.mailbox import NO_PAGE, SLOTS, Mailbox, Put
from crawler.parsing.executors.page_age import PageAge, core_delay, is_stopped

_END_S = 1.0
"""Seconds to wait for the end of a process that was killed."""


LOOK_S = 0.05
"""Seconds between two looks at a worker."""
_MOST_S = 2 * LOOK_S


class Launcher(Protocol):
    """Starts worker processes with one library."""

    @property
    def pids(self) -> Sequence[int]:
        """Ids of the processes that it needs besides the workers."""
        ...

    def start(self) -> None:
        """Call it before the first ``launch``."""
        ...

    def pool(self, initializer: Callable[..., None], *arguments: Any) -> Executor:
        """Return a pool of one worker. Its process starts with the first ``submit``, which raises
        OSError and EOFError if that fails.
        """
        ...

    @property
    def newest(self) -> BaseProcess:
        """The process that was started last."""
        ...

    def stop(self) -> None: ...


class Sent(NamedTuple):
    """A batch at a worker: its pages, its slot of the mailbox, and when it was sent.

    ``is_large``: it did not fit into its slot, and is copied several times.
    """

    tasks: Batch
    slot: int
    at: float
    is_large: bool


class Received(NamedTuple):
    """A batch of which the results are there, and how long the worker had nothing else to do."""

    tasks: Batch
    seconds: float


class Worker:
    """A worker process and the batches that it has.

    ``age`` is how long it has been at its page, ``finished`` the number of batches it has returned.
    """

    def __init__(self, index: int, launcher: Launcher, setup: bytes, niceness: int) -> None:
        self.index = index
        self.batches: deque[Sent] = deque()
        self.is_ready = False
        self.finished = 0
        self.age = PageAge(_MOST_S)
        self.cause: str | None = None
        """Why we ended it, if we know that its page is the cause."""
        self.is_late = False
        """Whether it was ended because the time of its page was over."""
        self._turn = 0
        self._received_at = 0.0
        self._mailbox = Mailbox()
        reader, self._lifeline = Pipe(duplex=False)
        with reader, closing(self._mailbox):
            self._pool = launcher.pool(worker.begin, self._mailbox, reader)
            self.loaded = self._pool.submit(worker.load, setup)
        self._process = launcher.newest
        if niceness and self._process.pid is not None:
            os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)

    @property
    def pid(self) -> int | None:
        """None once the process has ended."""
        return self._process.pid if self._process.is_alive() else None

    @property
    def is_full(self) -> bool:
        """Whether it has all the batches that it may have. A large one is the last, as its copies
        need memory.
        """
        return len(self.batches) >= SLOTS or any(sent.is_large for sent in self.batches)

    def send(self, batch: Batch, encoded: bytearray, now: float) -> "Future[Put]":
        """Send a batch, also as MessagePack; not when ``is_full``. Raises BrokenExecutor.

        The result of the future is for ``receive``.
        """
        slot, self._turn = self._turn, (self._turn + 1) % SLOTS
        put = self._mailbox.put(slot, encoded)
        self.batches.append(Sent(batch, slot, now, isinstance(put, bytes)))
        return self._pool.submit(worker.parse, slot, put)

    def receive(self, put: Put, now: float) -> tuple[Received, memoryview | bytes]:
        """Return the oldest batch and its encoded results, which stay until the next ``send``."""
        sent = self.batches.popleft()
        took = now - max(sent.at, self._received_at)
        self._received_at = now
        self.finished += 1
        return Received(sent.tasks, took), self._mailbox.get(sent.slot, put)

    def look(self, passed: float) -> None:
        """See how long it has been at its page; the last look was ``passed`` seconds ago."""
        page, pid = self._mailbox.page, self._process.pid
        if page < 0 or page != self.age.page or pid is None:
            self.age.begin(page)
        elif not is_stopped(pid):
            self.age.add(passed, core_delay(pid))

    def culprits(self) -> Batch:
        """Pages of which one ended the process; empty if it had not begun its batch.

        That is the page at work, or, if that is not known, each page of the batch at work.
        """
        if not self.batches or self._mailbox.page == NO_PAGE:
            return ()
        batch = self.batches[0].tasks
        return tuple(task for task in batch if task.job.id == self._mailbox.page) or batch

    @property
    def tasks(self) -> Sequence[Task]:
        """All pages that it has."""
        return [task for sent in self.batches for task in sent.tasks]

    def kill(self, cause: str | None = None, *, late: bool = False) -> None:
        self.cause = self.cause or cause
        self.is_late = self.is_late or late
        self._process.kill()

    def close(self) -> int | None:
        """End the process; returns its exit code, as of subprocess.Popen, or None if unknown."""
        self._process.kill()
        self._lifeline.close()
        self._pool.shutdown(wait=False)
        self._process.join(_END_S)
        return self._process.exitcode


def how(exit_code: int | None) -> str:
    """How a process ended, in words."""
    if exit_code is None:
        return "it is not known how"
    if exit_code == errno.ENOMEM:
        return "out of memory"
    return (
        f"signal {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
    )
