"""Parses in worker processes: a socket to each worker, batches out, results back.

Not with ``concurrent.futures``: there one dead worker breaks the pool and all its pages, two more
threads of the parent compete for the GIL, and the workers of a killed parent keep running. Here a
dead worker affects only its batch: its pages are parsed again one by one, and a page that ends a
worker twice fails.
"""

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Self, cast

import msgspec

from crawler.model.callbacks import Fail
from crawler.model.errors import FailureKind, StateError
from crawler.parsing.batch import Outcome, Results, Task
from crawler.parsing.executors.base import BATCH, Deliver, ExecutorOptions
from crawler.parsing.executors.portable import pack
from crawler.parsing.executors.spawn import Spawned
from crawler.parsing.executors.worker import HEAD, Setup, Tag

log = logging.getLogger(__name__)

_AHEAD = 2
"""Batches per worker: one in work and one in its socket, so that it never waits for the parent."""
_TOO_MUCH = 2 * _AHEAD * BATCH
"""With more pages per worker than this, in work and waiting, another worker starts."""
_BATCH_BYTES = 4 << 20
_FALSE_STARTS = 3
"""Workers that may die in a row before they are ready; then the crawl fails."""


class _Worker(asyncio.Protocol):
    """The parent's end of one worker process."""

    def __init__(self, pool: "IsolatedExecutor") -> None:
        self.batches: deque[tuple[Task, ...]] = deque()
        self.is_ready = False
        self.has_begun = False
        self._pool = pool
        self._received = bytearray()
        self._transport: asyncio.Transport

    async def start(self, spawned: Spawned, setup: bytes) -> None:
        self.process = spawned.process
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=spawned.sock)
        self._send(Tag.SETUP, setup)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def send_batch(self, batch: tuple[Task, ...], payload: bytes) -> None:
        self.batches.append(batch)
        self._send(Tag.BATCH, payload)

    def _send(self, tag: Tag, payload: bytes) -> None:
        self._transport.writelines((HEAD.pack(len(payload), tag), payload))

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        while len(received) >= HEAD.size:
            length, tag = HEAD.unpack_from(received)
            end = HEAD.size + length
            if len(received) < end:
                return
            payload = bytes(memoryview(received)[HEAD.size : end])
            del received[:end]
            self._take(tag, payload)

    def _take(self, tag: int, payload: bytes) -> None:
        match tag:
            case Tag.READY:
                self.is_ready = True
            case Tag.BEGUN:
                self.has_begun = True
            case Tag.RESULTS:
                self.has_begun = False
                self._pool.finished(self, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost(self)

    def stop(self) -> None:
        """Kill the process. Its batches are not lost: ``batches`` has them."""
        self._transport.abort()
        self.process.kill()
        self.process.wait()


def _how(returncode: int) -> str:
    if returncode < 0:
        return f"signal {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"


class IsolatedExecutor:
    """Parses in at most ``workers`` processes."""

    def __init__(self, options: ExecutorOptions) -> None:
        """It starts with ``first`` workers and adds workers when pages accumulate."""
        setup = Setup(options.parse, options.encoders, options.timeout)
        self._setup = pack(setup)
        self._timeout = options.timeout
        self._most = options.workers
        self._count = options.workers if options.first is None else options.first
        self._spawned = list(options.prestarted)
        self._no_chunks = (b"",) * len(options.encoders)
        self._workers: list[_Worker] = []
        self._queue: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._suspected: set[int] = set()
        self._false_starts = 0
        self._starting: set[asyncio.Task[None]] = set()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Results).decode
        self._closing = False
        self.width = options.workers * _AHEAD * BATCH
        self.waiting = 0
        self.waiting_bytes = 0

    @property
    def pids(self) -> Sequence[int]:
        return [worker.process.pid for worker in self._workers]

    def start(self, deliver: Deliver, fail: Fail) -> None:
        self._deliver, self._fail = deliver, fail

    async def __aenter__(self) -> Self:
        for _ in range(self._count):
            await self._start_worker()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        for starting in self._starting:
            starting.cancel()
        for worker in self._workers:
            worker.stop()
        for spawned in self._spawned:
            spawned.end()

    async def _start_worker(self) -> None:
        worker = _Worker(self)
        spawned = self._spawned.pop() if self._spawned else Spawned()
        try:
            await worker.start(spawned, self._setup)
        except BaseException:
            spawned.end()
            raise
        self._workers.append(worker)
        self._feed()

    def submit(self, task: Task) -> None:
        self.waiting += 1
        self.waiting_bytes += len(task.body)
        self._queue.append(task)
        self._feed()
        if self._count < self._most and self.waiting > _TOO_MUCH * self._count:
            self._count += 1
            self._start_soon()

    def _feed(self) -> None:
        while (self._queue or self._suspects) and self._workers:
            worker = min(self._workers, key=lambda w: len(w.batches))
            if len(worker.batches) >= _AHEAD:
                return
            batch = tuple(self._next_batch())
            worker.send_batch(batch, self._encode(batch))

    def _next_batch(self) -> Iterable[Task]:
        if self._suspects:
            return (self._suspects.popleft(),)
        return self._take()

    def _take(self) -> Iterable[Task]:
        size = 0
        for _ in range(min(BATCH, len(self._queue))):
            size += len(self._queue[0].body)
            yield self._queue.popleft()
            if size > _BATCH_BYTES:
                return

    def finished(self, worker: _Worker, payload: bytes) -> None:
        batch = worker.batches.popleft()
        if self._suspected:
            self._suspected.difference_update(task.job.id for task in batch)
        self._settle(batch)
        self._deliver(self._decode(payload))
        self._feed()

    def _settle(self, batch: tuple[Task, ...]) -> None:
        self.waiting -= len(batch)
        self.waiting_bytes -= sum(len(task.body) for task in batch)

    def lost(self, worker: _Worker) -> None:
        """The worker died: a page of the batch that it had begun is the cause.

        Its other batches return to the queue.
        """
        if self._closing:
            return
        self._workers.remove(worker)
        worker.process.kill()
        returncode = worker.process.wait()
        log.info("a parse process died (%s); a new one replaces it", _how(returncode))
        self._false_starts = 0 if worker.is_ready else self._false_starts + 1
        if self._false_starts >= _FALSE_STARTS:
            self._fail(StateError(f"the parse processes do not start ({_how(returncode)})"))
            return
        if worker.has_begun:
            self._suspect(worker.batches.popleft(), returncode)
        for batch in worker.batches:
            self._queue.extendleft(reversed(batch))
        self._start_soon()

    def _start_soon(self) -> None:
        starting = asyncio.get_running_loop().create_task(self._start_worker())
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    def _suspect(self, batch: tuple[Task, ...], returncode: int) -> None:
        ids = {task.job.id for task in batch}
        if len(batch) == 1 and (ids <= self._suspected or returncode == -signal.SIGALRM):
            self._suspected -= ids
            self._fail_page(batch, returncode)
        else:
            self._suspected |= ids
            self._suspects.extend(batch)

    def _fail_page(self, batch: tuple[Task, ...], returncode: int) -> None:
        self._settle(batch)
        outcome = Outcome(batch[0].job.id, error=FailureKind.PARSE, message=self._cause(returncode))
        self._deliver(Results((outcome,), self._no_chunks))

    def _cause(self, returncode: int) -> str:
        if returncode == -signal.SIGALRM:
            return f"parsing took longer than {self._timeout:g} s (--parse-timeout)"
        return f"the parse process died on this page ({_how(returncode)})"
