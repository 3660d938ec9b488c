"""The writer for standard output; written bytes cannot be removed."""

import os

from crawler.model.errors import StateError


class StdoutWriter:
    """Writes each chunk at once; after a resume, pages may be written a second time."""

    can_cut = False

    def __init__(self, fd: int = 1) -> None:
        """``fd`` is the descriptor to write to; it is duplicated and stays open."""
        self._fd = os.dup(fd)
        self._length = 0

    def append(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        try:
            while view:
                written = os.write(self._fd, view)
                self._length += written
                view = view[written:]
        except BrokenPipeError:
            raise StateError("standard output was closed by its reader") from None
        except OSError as error:
            raise StateError(f"standard output: {error.strerror or error}") from None

    def commit(self) -> int:
        return self._length

    def cut(self, offset: int) -> None:
        if offset != self._length:
            raise StateError("standard output cannot be cut")

    def close(self) -> None:
        os.close(self._fd)
