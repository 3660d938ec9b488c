"""Memory that a worker shares with its parent: batches, results, and the page at work.

A pool sends what it is given through pipes, in many pieces, and its threads compete with the fetch
thread for the interpreter's lock at each. So only a few numbers go through the pool.
"""

import mmap
import os
import tempfile
from multiprocessing.reduction import DupFd
from typing import Any

NO_PAGE = -1
"""The worker waits for a batch."""
BETWEEN = -2
"""The worker has a batch, and is between two of its pages."""
SLOTS = 2
"""Batches of a worker: one in work, and one that waits, so that it never waits for the parent."""
_HEAD = mmap.PAGESIZE
_SLOT = 2 << 20
"""Bytes of a slot, enough for nearly all batches; memory that is not used costs nothing."""


Put = int | bytes
"""What ``Mailbox.put`` returns: the length of the content, or a content that is too long."""


class Mailbox:
    """The number of the page at work, and ``SLOTS`` slots.

    When the worker has died, its parent still reads ``page``. A mailbox can be pickled only while
    a process is started: the memory is a file without a name, which the new process inherits.
    """

    def __init__(self, file: int | None = None) -> None:
        """``file`` is a descriptor of the shared file, which this object owns; None: a new one."""
        self._file = _new_file() if file is None else file
        whole = os.fstat(self._file).st_size
        self._slot = (whole - _HEAD) // SLOTS
        self._memory = memoryview(mmap.mmap(self._file, whole))
        self._numbers = self._memory[:8].cast("q")
        if file is None:
            self.page = NO_PAGE

    def __reduce__(self) -> Any:
        return _inherited, (DupFd(self._file),)

    @property
    def page(self) -> int:
        """The id of the page that the worker parses, or ``NO_PAGE`` or ``BETWEEN``."""
        return self._numbers[0]

    @page.setter
    def page(self, page: int) -> None:
        self._numbers[0] = page

    def put(self, slot: int, content: bytes | bytearray) -> Put:
        """Put ``content`` into a slot; returns what ``get`` needs to find it."""
        size = len(content)
        if size > self._slot:
            return bytes(content)
        start = _HEAD + slot * self._slot
        self._memory[start : start + size] = content
        return size

    def get(self, slot: int, put: Put) -> memoryview | bytes:
        """Return what was put into a slot, without a copy."""
        if isinstance(put, bytes):
            return put
        start = _HEAD + slot * self._slot
        return self._memory[start : start + put]

    def close(self) -> None:
        """Close the file. The memory stays as long as this object."""
        os.close(self._file)


def _inherited(file: Any) -> Mailbox:
    return Mailbox(file.detach())


def _new_file() -> int:
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("crawler-mailbox", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    try:
        os.ftruncate(file, _HEAD + SLOTS * _SLOT)
    except OSError:  # files may not be so large (RLIMIT_FSIZE): then no content fits into a slot
        os.ftruncate(file, _HEAD)
    return file
