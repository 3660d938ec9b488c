"""The writer for files."""

import os
from pathlib import Path

from crawler.model.errors import StateError, writing


class FileWriter:
    """Appends to ``path``; ``commit`` calls fdatasync. ``length`` is in bytes."""

    can_cut = True

    def __init__(self, path: Path, *, resumed: bool = False) -> None:
        """``path`` must not exist, unless it is ``resumed``: then call ``cut`` first."""
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
                f"{self._path}: has {self.length} bytes, but {offset} were written; the file was "
                "changed, so the run cannot be resumed"
            )
        with writing(self._path):
            self._file.truncate(offset)
            self._file.seek(offset)
        self.length = offset

    def close(self) -> None:
        self._file.close()
