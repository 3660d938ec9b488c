"""The writer for files."""

import os
from pathlib import Path

from crawler.errors import writing


class FileWriter:
    """Appends to ``path``, which must not exist yet; ``commit`` is an fdatasync."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
        self._length = 0

    def append(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        with writing(self._path):
            while view:
                written = self._file.write(view)
                self._length += written
                view = view[written:]

    def commit(self) -> int:
        with writing(self._path):
            os.fdatasync(self._file.fileno())
        return self._length

    def cut(self, offset: int) -> None:
        with writing(self._path):
            self._file.truncate(offset)
            self._file.seek(offset)
        self._length = offset

    def close(self) -> None:
        self._file.close()
