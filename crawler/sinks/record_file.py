"""Reads pages.jsonl and its like back, as far as a run has committed them."""

import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import msgspec

from crawler.model.errors import StateError, writing

_DAMAGED = "is damaged or was changed"


class RecordFile(msgspec.Struct, frozen=True):
    """Records as JSON Lines, perhaps compressed: the first ``size`` bytes of ``path``."""

    path: Path
    size: int

    def blocks(self, most: int) -> Iterator[bytes]:
        """Yield whole lines, about ``most`` bytes at a time.

        Raises StateError if the file is shorter, cannot be read, or does not end with a line there.
        """
        with self._opened() as file:
            while block := file.read(most):
                if not block.endswith(b"\n"):
                    block += file.readline()
                if not block.endswith(b"\n"):
                    raise StateError(f"{self.path}: {_DAMAGED}")
                yield block

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        if not self.size:
            yield io.BytesIO()
            return
        with writing(self.path), self.path.open("rb", buffering=0) as raw:
            found = os.fstat(raw.fileno()).st_size
            if found < self.size:
                raise StateError(
                    f"{self.path}: has {found} bytes, but {self.size} were written; it was changed"
                )
            with io.BufferedReader(_Beginning(raw, self.size)) as file:
                try:
                    yield OPENERS[suffix_of(self.path) or ".jsonl"](file)
                except (EOFError, zlib.error, _zstd().ZstdError) as error:
                    raise StateError(f"{self.path}: {_DAMAGED} ({error})") from None


class _Beginning(io.RawIOBase):
    """The first ``size`` bytes of a file."""

    def __init__(self, raw: io.FileIO, size: int) -> None:
        self._raw = raw
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._raw.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count


# Most runs need neither of the two libraries below, and to import them delays the start.


def _gunzipped(file: IO[bytes]) -> Any:
    import gzip

    return gzip.GzipFile(fileobj=file)


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


OPENERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        ".jsonl": lambda file: file,
        ".jsonl.gz": _gunzipped,
        ".jsonl.zst": lambda file: _zstd().ZstdFile(file),
    }
)
"""The formats that can be read, by suffix."""


def suffix_of(path: Path) -> str | None:
    """The suffix of a file that can be read as records, else None."""
    return next((each for each in OPENERS if path.name.endswith(each)), None)
