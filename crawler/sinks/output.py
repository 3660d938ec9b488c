"""All outputs of a run behind one thread: the fetch thread never waits for a disk or a pipe."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from crawler.sinks.base import Writer

GATHER = 0.05
"""Seconds in which chunks gather before they are written: to wake a thread costs like a page."""
GATHER_BYTES = 1 << 20

Offsets = tuple[int, ...]


class _Chunk(msgspec.Struct, frozen=True):
    writer: int
    data: bytes


class _Mark(msgspec.Struct, frozen=True):
    """Where in the order of chunks a commit was asked for."""

    done: "asyncio.Future[Offsets]"


class Output:
    """Chunks for numbered writers, written in order by one thread.

    ``waiting_bytes`` have been put and are not written. ``also`` runs on the same thread at each
    commit, for what else has to reach the disk. The first error reaches ``fail``; after it nothing
    more is written.
    """

    fail: Callable[[Exception], None]
    written: Callable[[], None]

    def __init__(self, writers: Sequence[Writer], also: Callable[[], None]) -> None:
        self._writers = tuple(writers)
        self._also = also
        self._pending: list[_Chunk | _Mark] = []
        self._thread = ThreadPoolExecutor(1, "crawler-output")
        self._writing = False
        self._failed: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.waiting_bytes = 0

    def put(self, index: int, data: bytes) -> None:
        if self._failed is not None:
            return
        self.waiting_bytes += len(data)
        self._pending.append(_Chunk(index, data))
        self._gather()

    def commit(self) -> "asyncio.Future[Offsets]":
        """How long each output is, all on disk, with what was put so far and nothing put later.

        The future raises StateError.
        """
        mark = _Mark(asyncio.get_running_loop().create_future())
        if self._failed is not None:
            mark.done.set_exception(self._failed)
            return mark.done
        self._pending.append(mark)
        if not self._writing:
            self._start()
        return mark.done

    def _gather(self) -> None:
        """Start writing, once it is worth it."""
        if self._writing:
            return
        if self.waiting_bytes >= GATHER_BYTES:
            self._start()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._start)

    def _start(self) -> None:
        self._stop_timer()
        items, self._pending = self._pending, []
        self._writing = True
        writing = asyncio.get_running_loop().run_in_executor(self._thread, self._write, items)
        writing.add_done_callback(lambda done: self._done(items, done))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _done(
        self, items: Sequence[_Chunk | _Mark], writing: "asyncio.Future[list[Offsets]]"
    ) -> None:
        self._writing = False
        self.waiting_bytes -= sum(len(item.data) for item in items if isinstance(item, _Chunk))
        marks = _marks(items)
        error = None if writing.cancelled() else writing.exception()
        if writing.cancelled() or error is not None:
            self._fail(
                error, [*marks, *(item for item in self._pending if isinstance(item, _Mark))]
            )
            return
        for mark, offsets in zip(marks, writing.result(), strict=True):
            if not mark.done.done():
                mark.done.set_result(offsets)
        if _marks(self._pending):
            self._start()
        elif self._pending:
            self._gather()
        self.written()

    def _fail(self, error: BaseException | None, marks: Sequence[_Mark]) -> None:
        """Nobody may wait for a commit that will not come."""
        self._failed = error
        self._pending.clear()
        for mark in marks:
            if not mark.done.done():
                mark.done.cancel() if error is None else mark.done.set_exception(error)
        if isinstance(error, Exception):
            self.fail(error)

    def _write(self, items: Sequence[_Chunk | _Mark]) -> list[Offsets]:
        commits = []
        for item in items:
            if isinstance(item, _Chunk):
                self._writers[item.writer].append(item.data)
            else:
                commits.append(self._commit())
        return commits

    def _commit(self) -> Offsets:
        offsets = tuple([writer.commit() for writer in self._writers])
        self._also()
        return offsets

    def close(self) -> None:
        self._stop_timer()
        self._thread.shutdown(wait=True, cancel_futures=True)
        for writer in self._writers:
            writer.close()


def _marks(items: Sequence[_Chunk | _Mark]) -> list[_Mark]:
    return [item for item in items if isinstance(item, _Mark)]
