"""All outputs of a run behind one thread: the fetch thread never waits for a disk or a pipe."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from crawler.sinks.base import Writer

COMMIT_EVERY = 1.0
"""Seconds between commits while the crawl goes on."""
GATHER = 0.05
"""Seconds in which chunks gather before they are written: to wake a thread costs like a page."""
GATHER_BYTES = 1 << 20


class Output:
    """Chunks for numbered writers, written in order by one thread.

    ``waiting_bytes`` have been put and are not written. ``also`` runs on the same thread after each
    round, for what else has to reach the disk. The first error reaches ``fail``; after it nothing
    more is written.
    """

    fail: Callable[[Exception], None]
    written: Callable[[], None]

    def __init__(self, writers: Sequence[Writer], also: Callable[[], None]) -> None:
        self._writers = tuple(writers)
        self._also = also
        self._pending: list[tuple[int, bytes]] = []
        self._thread = ThreadPoolExecutor(1, "crawler-output")
        self._writing: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._committed = time.monotonic()
        self.waiting_bytes = 0

    def put(self, index: int, chunk: bytes) -> None:
        self.waiting_bytes += len(chunk)
        self._pending.append((index, chunk))
        self._gather()

    def _gather(self) -> None:
        """Start writing, once it is worth it."""
        if self._writing is not None:
            return
        if self.waiting_bytes >= GATHER_BYTES:
            self._start()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._start)

    def _start(self) -> None:
        self._stop_timer()
        chunks, self._pending = self._pending, []
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._thread, self._write, chunks)
        self._writing.add_done_callback(lambda done: self._done(chunks, done))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _done(self, chunks: list[tuple[int, bytes]], done: "asyncio.Future[None]") -> None:
        self._writing = None
        self.waiting_bytes -= sum(len(chunk) for _, chunk in chunks)
        error = None if done.cancelled() else done.exception()
        if isinstance(error, Exception):
            self.fail(error)
        elif self._pending:
            self._gather()
        self.written()

    def _write(self, chunks: list[tuple[int, bytes]]) -> None:
        for index, chunk in chunks:
            self._writers[index].append(chunk)
        if time.monotonic() - self._committed > COMMIT_EVERY:
            self._commit()

    def _commit(self) -> None:
        for writer in self._writers:
            writer.commit()
        self._also()
        self._committed = time.monotonic()

    async def finish(self) -> None:
        """Everything put is on disk when this returns. Raises StateError."""
        while self._pending or self._writing is not None:
            if self._writing is None:
                self._start()
            await asyncio.wait([cast("asyncio.Future[None]", self._writing)])
            await asyncio.sleep(0)  # _done runs now, and what it does to _writing counts
        await asyncio.get_running_loop().run_in_executor(self._thread, self._commit)

    def close(self) -> None:
        self._stop_timer()
        self._thread.shutdown(wait=True, cancel_futures=True)
        for writer in self._writers:
            writer.close()
