"""The writer for files."""

import os
from pathlib import Path

from crawler.model.errors import StateError, writing
from crawler.model.files import open_file, sync


class FileWriter:
    """Appends to ``path``; ``commit`` calls fdatasync. ``length`` is in bytes."""

    can_cut = True

    def __init__(self, path: Path, *, resumed: bool = False) -> None:
        """``path`` must not exist, unless it is ``resumed``: then call ``cut`` first."""
        self._path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            new = 0 if resumed else os.O_EXCL
            file = open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | new)
            self._file = os.fdopen(file, "ab", buffering=0)
            self._has_durable_name = False
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
            if not self._has_durable_name:
                sync(self._path.parent)
                self._has_durable_name = True
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
        with writing(self._path):
            self._file.close()
