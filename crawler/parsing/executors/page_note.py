"""A number in memory that a worker shares with its parent: the page that it parses."""

import mmap
import os
import tempfile
from multiprocessing.reduction import DupFd
from typing import Any

NO_PAGE = -1
"""The worker waits for a batch."""
BETWEEN = -2
"""The worker has a batch, and is between two of its pages."""
_BYTES = 8


class PageNote:
    """The id of the page that a worker parses, or ``NO_PAGE`` or ``BETWEEN``.

    When the worker has died, its parent still reads the id here. It can be pickled only while a
    process is started: the memory is a file without a name, which the new process inherits.
    """

    def __init__(self, file: int | None = None) -> None:
        """``file`` is a descriptor of the shared file, which this object owns; None: a new one."""
        self._file = _new_file() if file is None else file
        self._numbers = memoryview(mmap.mmap(self._file, _BYTES)).cast("q")
        if file is None:
            self.page = NO_PAGE

    def __reduce__(self) -> Any:
        return _inherited, (DupFd(self._file),)

    @property
    def page(self) -> int:
        return self._numbers[0]

    @page.setter
    def page(self, page: int) -> None:
        self._numbers[0] = page

    def close(self) -> None:
        """Close the file; ``page`` can still be read."""
        os.close(self._file)


def _inherited(file: Any) -> PageNote:
    return PageNote(file.detach())


def _new_file() -> int:
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("crawler-page", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, _BYTES)
    return file
