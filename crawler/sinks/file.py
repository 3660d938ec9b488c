"""The writer for files."""

import os
from pathlib import Path

from crawler.errors import StateError


class FileWriter:
    """Appends to ``path``, which must not exist yet; ``commit`` is an fdatasync."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise self._failed(error) from None
        self._length = 0

    def append(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        try:
            while view:
                written = self._file.write(view)
                self._length += written
                view = view[written:]
        except OSError as error:
            raise self._failed(error) from None

    def commit(self) -> int:
        try:
            os.fdatasync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from None
        return self._length

    def cut(self, offset: int) -> None:
        try:
            self._file.truncate(offset)
            self._file.seek(offset)
        except OSError as error:
            raise self._failed(error) from None
        self._length = offset

    def close(self) -> None:
        self._file.close()

    def _failed(self, error: OSError) -> StateError:
        return StateError(f"{self._path}: {error.strerror or error}")
