"""All outputs of a run on one thread: the fetch thread never waits for a disk or a pipe."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import msgspec

from crawler.model.callbacks import Fail, Wake
from crawler.sinks.base import WaitingWriter, Writer

GATHER = 0.05
"""Seconds in which chunks are collected before they are written: to wake a thread costs as much as
a page.
"""
GATHER_BYTES = 1 << 20

Offsets = Mapping[str, int]
"""The length of each output in bytes, by its name."""


class _Chunk(msgspec.Struct, frozen=True):
    writer: Writer
    data: bytes


class _Mark(msgspec.Struct, frozen=True):
    """The place of a commit in the order of the chunks."""

    done: "asyncio.Future[Offsets]"


class Channel:
    """Where the records of one output go in."""

    def __init__(self, outputs: "Outputs", writer: Writer) -> None:
        self._outputs = outputs
        self._writer = writer

    def put(self, data: bytes) -> None:
        """Append ``data`` to the output, after everything that was put before."""
        self._outputs.put(self._writer, data)


class Outputs:
    """Writers by name; one thread writes what is put, in order.

    ``waiting_bytes`` were put and are not written yet. ``at_commit`` runs on the same thread at
    each commit, for whatever else has to reach the disk. After the first error nothing more is
    written.
    """

    def __init__(self, writers: Mapping[str, Writer], at_commit: Callable[[], None]) -> None:
        self._writers = dict(writers)
        self._at_commit = at_commit
        self._pending: list[_Chunk | _Mark] = []
        self._thread = ThreadPoolExecutor(1, "crawler-output")
        self._writing = False
        self._failed: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.waiting_bytes = 0

    def __repr__(self) -> str:
        return f"Outputs({', '.join(self._writers)}; {self.waiting_bytes} bytes waiting)"

    def start(self, wake: Wake, fail: Fail) -> None:
        """``wake`` is called when something was written, ``fail`` with the first error."""
        self._wake = wake
        self._report_failure = fail

    def open(self, name: str) -> Channel:
        """The channel of the output ``name``."""
        return Channel(self, self._writers[name])

    def put(self, writer: Writer, data: bytes) -> None:
        if self._failed is not None:
            return
        self.waiting_bytes += len(data)
        self._pending.append(_Chunk(writer, data))
        self._gather()

    def commit(self) -> "asyncio.Future[Offsets]":
        """The length of each output, on disk with what was put so far and nothing put later.

        The future raises StateError.
        """
        mark = _Mark(asyncio.get_running_loop().create_future())
        if self._failed is not None:
            mark.done.set_exception(self._failed)
            return mark.done
        self._pending.append(mark)
        if not self._writing:
            self._start_writing()
        return mark.done

    def _gather(self) -> None:
        """Start writing once there is enough to write, or after a short time."""
        if self._writing:
            return
        if self.waiting_bytes >= GATHER_BYTES:
            self._start_writing()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._start_writing)

    def _start_writing(self) -> None:
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
            self._fail(error, [*marks, *_marks(self._pending)])
            return
        for mark, offsets in zip(marks, writing.result(), strict=True):
            if not mark.done.done():
                mark.done.set_result(offsets)
        if _marks(self._pending):
            self._start_writing()
        elif self._pending:
            self._gather()
        self._wake()

    def _fail(self, error: BaseException | None, marks: Sequence[_Mark]) -> None:
        """End all commits that wait: they will not happen."""
        self._failed = error
        self._pending.clear()
        for mark in marks:
            if not mark.done.done():
                mark.done.cancel() if error is None else mark.done.set_exception(error)
        if isinstance(error, Exception):
            self._report_failure(error)

    def _write(self, items: Sequence[_Chunk | _Mark]) -> list[Offsets]:
        commits = []
        for item in items:
            if isinstance(item, _Chunk):
                item.writer.append(item.data)
            else:
                commits.append(self._commit())
        return commits

    def _commit(self) -> Offsets:
        offsets = {name: writer.commit() for name, writer in self._writers.items()}
        self._at_commit()
        return offsets

    def hurry(self) -> None:
        """The crawl was aborted: do not wait for the readers of outputs any more."""
        for writer in self._writers.values():
            if isinstance(writer, WaitingWriter):
                writer.hurry()

    def close(self) -> None:
        self._stop_timer()
        self._thread.shutdown(wait=True, cancel_futures=True)
        with ExitStack() as closing:  # all of them, also after an error
            for writer in self._writers.values():
                closing.callback(writer.close)


def _marks(items: Sequence[_Chunk | _Mark]) -> list[_Mark]:
    return [item for item in items if isinstance(item, _Mark)]
