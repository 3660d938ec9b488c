"""The writer for files."""

import os
from pathlib import Path

from crawler.model.errors import StateError, writing


class FileWriter:
    """Appends to ``path``; ``commit`` is an fdatasync. ``length`` is in bytes."""

    can_cut = True

    def __init__(self, path: Path, *, resumed: bool = False) -> None:
        """``path`` must not exist yet, unless it is ``resumed``: then ``cut`` it first."""
        self._path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab" if resumed else "xb", buffering=0)
            self.length = self._file.seek(0, os.SEEK_END)

    def append(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        with writing(self._path):
            while view:
                written = self._file.write(view)
                self.length += written
                view = view[written:]

    def commit(self) -> int:
        with writing(self._path):
            os.fdatasync(self._file.fileno())
        return self.length

    def cut(self, offset: int) -> None:
        if offset > self.length:
            raise StateError(
                f"{self._path}: has {self.length} bytes where {offset} were written; somebody "
                "has changed it, and the run cannot go on"
            )
        with writing(self._path):
            self._file.truncate(offset)
            self._file.seek(offset)
        self.length = offset

    def close(self) -> None:
        self._file.close()
