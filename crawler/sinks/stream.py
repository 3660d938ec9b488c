"""The sink of ``Crawler.stream``: passes pages to the user's loop through a bounded queue."""

import queue
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from crawler.model.errors import StateError
from crawler.model.pages import Page

_CHUNKS = 4
"""At most so many chunks wait for the user; then the crawl waits, as for a slow disk."""


class PageEncoder:
    """Encodes a page as its length and MessagePack, so that chunks can be concatenated."""

    def encode(self, page: Page) -> bytes:
        data = msgspec.msgpack.encode(page)
        return len(data).to_bytes(4, "big") + data


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

    def read(self) -> list[Page] | None:
        """Wait for the next pages; None at the end."""
        chunk = self.read_chunk()
        return None if chunk is None else list(decode(chunk))


def decode(chunk: bytes) -> Iterator[Page]:
    at = 0
    while at < len(chunk):
        size = int.from_bytes(chunk[at : at + 4], "big")
        at += 4 + size
        yield msgspec.msgpack.decode(memoryview(chunk)[at - size : at], type=Page)
