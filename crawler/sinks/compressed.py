"""JSON Lines in gzip members or zstd frames: each commit ends one.

So the file can be cut where a commit ended, and what is left is a whole file.
"""

import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from crawler.sinks.base import Sink, SinkTarget
from crawler.sinks.file import FileWriter
from crawler.sinks.jsonl import JsonlEncoder

_GZIP = 16 + zlib.MAX_WBITS
_GZIP_LEVEL = 3
"""The usual 6 takes twice as long, for records that are a sixth smaller."""


class Compressor(Protocol):
    """Compresses one member or frame; ``flush`` ends it."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class CompressedWriter:
    """Appends compressed bytes to ``path``; after a kill, what was not committed may be torn."""

    can_cut = True

    def __init__(
        self, path: Path, compressor: Callable[[], Compressor], *, resumed: bool = False
    ) -> None:
        """``path`` must not exist, unless it is ``resumed``: then call ``cut`` first."""
        self._file = FileWriter(path, resumed=resumed)
        self._make = compressor
        self._open: Compressor | None = None

    def append(self, chunk: bytes) -> None:
        if self._open is None:
            self._open = self._make()
        self._file.append(self._open.compress(chunk))

    def commit(self) -> int:
        if not self._file.length:
            self.append(b"")  # an empty file is no archive, but one with an empty member is
        if self._open is not None:
            self._file.append(self._open.flush())
            self._open = None
        return self._file.commit()

    def cut(self, offset: int) -> None:
        self._open = None
        self._file.cut(offset)

    def close(self) -> None:
        self._file.close()


def gzip_sink(target: SinkTarget) -> Sink:
    """The output for ``.jsonl.gz``. Raises StateError if the file cannot be opened."""
    return _sink(target, lambda: zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP))


def zstd_sink(target: SinkTarget) -> Sink:
    """The output for ``.jsonl.zst``. Raises StateError if the file cannot be opened."""
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdCompressor
    else:
        from backports.zstd import ZstdCompressor

    return _sink(target, ZstdCompressor)


def _sink(target: SinkTarget, compressor: Callable[[], Compressor]) -> Sink:
    writer = CompressedWriter(target.path, compressor, resumed=target.resumed)
    return Sink(target.name, JsonlEncoder(), writer)
