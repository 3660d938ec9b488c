"""The sink of ``Crawler.stream``: passes records to the user's loop through a bounded queue."""

import queue
import struct
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from crawler.model.errors import StateError
from crawler.model.pages import Failure, Page

_CHUNKS = 4
"""At most so many chunks wait for the user; then the crawl waits, as for a slow disk."""


_RECORDS: tuple[type[Page | Failure], ...] = (Page, Failure)
"""Types of records; a record is written after its length and the number of its type here."""
_HEAD = struct.Struct(">IB")


class RecordEncoder:
    """Encodes pages and failures so that chunks can be concatenated."""

    def encode(self, page: Page | Failure) -> bytes:
        data = msgspec.msgpack.encode(page)
        return _HEAD.pack(len(data), _RECORDS.index(type(page))) + data


class StreamWriter:
    """Passes chunks to a reader on another thread; ``append`` waits while the queue is full."""

    can_cut = False

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | None] = queue.Queue(_CHUNKS)
        self._abandoned = False
        self._length = 0

    def append(self, chunk: bytes) -> None:
        while not self._abandoned:
            try:
                self._chunks.put(chunk, timeout=0.1)
            except queue.Full:
                continue
            self._length += len(chunk)
            return

    def commit(self) -> int:
        return self._length

    def cut(self, offset: int) -> None:
        if offset != self._length:
            raise StateError("a stream cannot be cut")

    def close(self) -> None:
        """Mark the end of the stream for the reader."""
        while not self._abandoned:
            try:
                self._chunks.put(None, timeout=0.1)
            except queue.Full:
                continue
            return

    def abandon(self) -> None:
        """The reader has left; do not wait for it any more. A read that still waits ends."""
        self._abandoned = True
        with suppress(queue.Full):
            self._chunks.put_nowait(None)

    def read_chunk(self) -> bytes | None:
        """Wait for the next chunk; None at the end."""
        return self._chunks.get()

    def read(self) -> list[Page | Failure] | None:
        """Wait for the next records; None at the end."""
        chunk = self.read_chunk()
        return None if chunk is None else list(decode(chunk))


def decode(chunk: bytes) -> Iterator[Page | Failure]:
    at = 0
    while at < len(chunk):
        size, number = _HEAD.unpack_from(chunk, at)
        at += _HEAD.size + size
        yield msgspec.msgpack.decode(memoryview(chunk)[at - size : at], type=_RECORDS[number])
