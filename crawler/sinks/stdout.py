"""The writer for standard output; written bytes cannot be removed."""

import os
import select
import stat

from crawler.model.errors import StateError, UsageError
from crawler.sinks.base import UnreadError

_LOOK_MS = 100
"""Milliseconds between two looks at whether the crawl was aborted."""


class StdoutWriter:
    """Writes each chunk at once; after a resume, pages may be written a second time.

    It waits for its reader until ``hurry`` is called, by any thread. Then a reader that does not
    read is an UnreadError.
    """

    can_cut = False

    def __init__(self, fd: int = 1) -> None:
        """``fd`` is the descriptor to write to; it is duplicated and stays open.

        Raises UsageError if it is closed.
        """
        try:
            self._fd = os.dup(fd)
        except OSError:
            raise UsageError("standard output is closed") from None
        self._length = 0
        self._is_hurried = False
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLOUT)
        # A pipe that is ready takes so many bytes without waiting (pipe(7)); a file takes all.
        is_file = stat.S_ISREG(os.fstat(self._fd).st_mode)
        self._most = None if is_file else select.PIPE_BUF

    def append(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        try:
            while view:
                self._wait_for_reader()
                written = os.write(self._fd, view[: self._most])
                self._length += written
                view = view[written:]
        except BrokenPipeError:
            raise StateError("standard output was closed by its reader") from None
        except OSError as error:
            raise StateError(f"standard output: {error.strerror or error}") from None

    def _wait_for_reader(self) -> None:
        while not self._poll.poll(_LOOK_MS):
            if self._is_hurried:
                raise UnreadError("standard output is not read")

    def hurry(self) -> None:
        self._is_hurried = True

    def commit(self) -> int:
        return self._length

    def cut(self, offset: int) -> None:
        if offset != self._length:
            raise StateError("standard output cannot be cut")

    def close(self) -> None:
        os.close(self._fd)
