"""Parses in worker processes and watches over them. ``Launcher`` says which library starts them.

Each worker is a pool of its own. One pool of several workers would not do: when one of them dies,
the pool is broken, all its batches are lost, and nobody knows which page was the cause. Here the
pages of a dead worker are parsed again elsewhere. The page at work is a suspect: it is parsed once
more, alone, in a worker that has nothing else to do, and fails if that worker dies too.
"""

import asyncio
import logging
import signal
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from functools import partial
from typing import Self

import msgspec

from crawler.model.callbacks import Fail
from crawler.model.errors import FailureKind, StateError
from crawler.model.units import size
from crawler.parsing.batch import Outcome, Results, Task
from crawler.parsing.executors.base import Batch, Deliver, ExecutorOptions
from crawler.parsing.executors.gathering import GATHER_IDLE_S, GATHER_S, Gathering
from crawler.parsing.executors.mailbox import SLOTS, Put
from crawler.parsing.executors.memory_limit import memory_limit
from crawler.parsing.executors.one_worker import LOOK_S, Launcher, Worker, how
from crawler.parsing.executors.portable import pack
from crawler.parsing.executors.worker import Setup

log = logging.getLogger(__name__)

_TOO_MUCH = 128
"""With more pages per worker than this, in work and waiting, another worker starts."""
_WIDTH_PAGES = 64
"""Pages of a batch, as back-pressure counts them; more would only wait, and fill memory."""
_FALSE_STARTS = 3
"""Deaths in a row, for each worker, before any page was begun; then the crawl fails."""
_AGAIN_S = 0.1
"""Seconds after which a worker that could not be started is started again."""
_WAITING = 4
"""A page that waits instead of computing may take this many times the timeout."""
_LONG_S = 0.25
_LONG_SHARE = 0.25
_LONG_FACTOR = 8
"""A page must not delay others if it takes this long, but at most that share of the timeout, and
this many times as long as usual."""
_LARGE_BYTES = 2 << 20
"""Memory for batches is not kept if it is larger."""
_LANE_NICENESS = 10
"""The worker of suspects leaves the cores to the others (nice(2))."""


class SupervisedExecutor:
    """Parses in at most ``workers`` processes, and suspects in one more."""

    def __init__(self, options: ExecutorOptions, launcher: Launcher) -> None:
        """It starts with ``first`` workers and adds workers when pages accumulate.

        Raises UsageError if the parser or an encoder cannot be sent to a worker.
        """
        self._setup = pack(Setup(options.parse, options.encoders, options.timeout))
        self._timeout = options.timeout
        self._most = options.workers
        self._count = options.workers if options.first is None else options.first
        self._launcher = launcher
        self._workers: dict[int, Worker] = {}
        self._gathering = Gathering()
        self._suspects: deque[Task] = deque()
        self._suspected: set[int] = set()
        self._no_chunks = (b"",) * len(options.encoders)
        self._encode_into = msgspec.msgpack.Encoder().encode_into
        self._encoded = bytearray()
        self._decode = msgspec.msgpack.Decoder(Results).decode
        self._long_s = min(_LONG_S, _LONG_SHARE * options.timeout)
        self._false_starts = 0
        self._is_due = False
        self._is_closing = False
        self._is_held = False
        self._gather_timer: asyncio.TimerHandle | None = None
        self._look_timer: asyncio.TimerHandle | None = None
        self.width = options.workers * SLOTS * _WIDTH_PAGES
        self.waiting = 0
        self.waiting_bytes = 0
        self.lost_workers = 0

    @property
    def workers(self) -> int:
        return self._count

    @property
    def pids(self) -> Sequence[int]:
        pids = [worker.pid for worker in self._workers.values()]
        return [*self._launcher.pids, *(pid for pid in pids if pid is not None)]

    def start(self, deliver: Deliver, fail: Fail) -> None:
        self._deliver, self._fail = deliver, fail

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        try:
            self._launcher.start()
        except OSError as error:
            raise StateError(f"the parse processes do not start ({error})") from None
        for index in range(self._count):
            self._start_worker(index)
        self._looked = time.monotonic()
        self._look()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closing = True
        for timer in (self._gather_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.close()
        self._launcher.stop()

    def submit(self, task: Task) -> None:
        self.waiting += 1
        self.waiting_bytes += len(task.body)
        self._gathering.add(task)
        if self._count < self._most and self.waiting > _TOO_MUCH * self._count:
            self._start_worker(self._count)
            self._count += 1
        self._feed()

    def hold(self) -> None:
        self._is_held = True

    def release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._feed()

    # Batches

    def _feed(self) -> None:
        if self._is_closing or self._is_held:
            return
        if self._suspects:
            self._feed_suspects()
        while self._gathering and self._is_worth_it():
            free = [worker for worker in self._workers.values() if self._takes_batches(worker)]
            if not free:
                return
            self._is_due = False
            worker = min(free, key=lambda each: len(each.batches))
            self._send(worker, self._gathering.take())

    def _takes_batches(self, worker: Worker) -> bool:
        if worker.index == self._most or not worker.is_ready or worker.is_full:
            return False
        return not worker.batches or worker.batches[0].tasks[0].job.id not in self._suspected

    def _is_worth_it(self) -> bool:
        if self._gathering.is_whole or self._is_due:
            return True
        if self._gather_timer is None:
            is_idle = not any(worker.batches for worker in self._workers.values())
            wait = GATHER_IDLE_S if is_idle else GATHER_S
            self._gather_timer = self._loop.call_later(wait, self._feed_anyway)
        return False

    def _feed_anyway(self) -> None:
        self._gather_timer, self._is_due = None, True
        self._feed()
        self._is_due = False

    def _feed_suspects(self) -> None:
        """Send each suspect alone to a worker of its own, or to one that has no other work."""
        lane = self._most
        if lane not in self._workers:
            self._start_worker(lane, _LANE_NICENESS)
        for worker in tuple(self._workers.values()):
            has_time = worker.index == lane or not self._gathering
            if self._suspects and has_time and worker.is_ready and not worker.batches:
                self._send(worker, (self._suspects.popleft(),))

    def _send(self, worker: Worker, batch: Batch) -> None:
        try:
            sent = worker.send(batch, self._encode(batch), time.monotonic())
        except BrokenExecutor:
            self._loop.call_soon(self._replace, worker)
            return
        done = asyncio.wrap_future(sent, loop=self._loop)
        done.add_done_callback(partial(self._done, worker))

    def _encode(self, batch: Batch) -> bytearray:
        """Return ``batch`` as MessagePack, until the next call. New memory each time costs more."""
        if len(self._encoded) > _LARGE_BYTES:
            self._encoded = bytearray()
        self._encode_into(batch, self._encoded)
        return self._encoded

    def _done(self, worker: Worker, done: "asyncio.Future[Put]") -> None:
        error = None if done.cancelled() else done.exception()
        if self._is_closing or done.cancelled():
            return
        if error is not None:
            if not isinstance(error, BrokenExecutor):
                worker.kill(_cause(error))
            self._replace(worker)
            return
        sent, encoded = worker.receive(done.result(), time.monotonic())
        results = self._decode(encoded)
        self._false_starts = 0
        parsed = len(results.outcomes)
        tasks = sent.tasks[:parsed]
        self._suspected.difference_update(task.job.id for task in tasks)
        self._gathering.learn(sent.seconds / parsed)
        self._gathering.put_back(sent.tasks[parsed:])
        self._settle(tasks)
        self._deliver(results)
        self._feed()

    def _settle(self, batch: Batch) -> None:
        self.waiting -= len(batch)
        self.waiting_bytes -= sum(len(task.body) for task in batch)

    # Workers

    def _start_worker(self, index: int, niceness: int = 0) -> None:
        if self._is_closing or index in self._workers:
            return
        try:
            worker = Worker(index, self._launcher, self._setup, niceness)
        except (OSError, EOFError) as error:
            # As long as there are others, they do its work.
            if self._workers or not self._is_hopeless(str(error)):
                wait = _AGAIN_S * (10 if self._workers else 1)
                self._loop.call_later(wait, self._start_worker, index, niceness)
            return
        self._workers[index] = worker
        loaded = asyncio.wrap_future(worker.loaded, loop=self._loop)
        loaded.add_done_callback(partial(self._loaded, worker))

    def _loaded(self, worker: Worker, loaded: "asyncio.Future[None]") -> None:
        error = None if loaded.cancelled() else loaded.exception()
        if self._is_closing or loaded.cancelled():
            return
        if isinstance(error, BrokenExecutor):
            self._replace(worker)
        elif error is not None:
            self._fail(StateError(f"a parse process cannot start: {_cause(error)}"))
        else:
            worker.is_ready = True
            self._feed()

    def _replace(self, worker: Worker) -> None:
        """The worker has died: replace it, and parse its pages again."""
        if self._is_closing or self._workers.get(worker.index) is not worker:
            return
        ended = worker.close()
        self.lost_workers += 1
        log.info("a parse process died (%s); a new one replaces it", how(ended))
        culprits = worker.culprits()
        if not worker.finished and not culprits and self._is_hopeless(how(ended)):
            return
        for task in culprits:
            self._suspect(task, worker, ended)
        blamed = {task.job.id for task in culprits}
        self._gathering.put_back(task for task in worker.tasks if task.job.id not in blamed)
        del self._workers[worker.index]
        if worker.index < self._most:
            self._start_worker(worker.index)
        self._feed()

    def _is_hopeless(self, how: str) -> bool:
        """Count a worker that ended before it began; whether too many did, which ends the crawl."""
        self._false_starts += 1
        if self._false_starts < _FALSE_STARTS * self._most:
            return False
        self._fail(StateError(f"the parse processes do not start ({how})"))
        return True

    def _suspect(self, task: Task, worker: Worker, ended: int | None) -> None:
        """Parse the page again, alone. It fails if it was alone, or if its time is over."""
        page = task.job.id
        is_late = worker.is_late or ended == -signal.SIGPROF
        # A worker that has parsed other pages may have died of what those left in it.
        is_proven = page in self._suspected and not worker.finished
        if is_late or is_proven:
            self._suspected.discard(page)
            self._fail_page(task, self._cause(worker, ended))
        else:
            self._suspected.add(page)
            self._suspects.append(task)

    def _cause(self, worker: Worker, ended: int | None) -> str:
        if ended == -signal.SIGPROF:
            limit = f"{self._timeout:g} s of CPU time (--parse-timeout)"
            return f"parsing took longer than {limit}"
        return worker.cause or f"the parse process died on this page ({how(ended)})"

    def _fail_page(self, task: Task, message: str) -> None:
        self._settle((task,))
        outcome = Outcome(task.job.id, error=FailureKind.PARSE, message=message)
        self._deliver(Results((outcome,), self._no_chunks))

    # Time

    def _look(self) -> None:
        """See how long each page has been at work; time stands still while this process does."""
        now = time.monotonic()
        passed, self._looked = now - self._looked, now
        limit = _WAITING * self._timeout
        for worker in tuple(self._workers.values()):
            worker.look(passed)
            if worker.age.seconds >= limit:
                cause = f"parsing took longer than {limit:g} s ({_WAITING} times --parse-timeout)"
                worker.kill(cause, late=True)
            elif self._delays_others(worker):
                worker.kill()
        self._look_timer = self._loop.call_later(LOOK_S, self._look)

    def _delays_others(self, worker: Worker) -> bool:
        """Whether others wait behind a page that takes unusually long."""
        is_long = worker.age.seconds >= max(self._long_s, _LONG_FACTOR * self._gathering.usual_s)
        has_others = bool(self._gathering) or len(worker.tasks) > 1
        is_suspect = worker.age.page in self._suspected
        return is_long and has_others and worker.index < self._most and not is_suspect


def _cause(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return f"the page needs more memory than a parse process may have ({size(memory_limit())})"
    return f"{type(error).__name__}: {error}"
