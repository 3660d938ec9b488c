"""A process of our own in which slices run, beside the process that an engine gives them.

The workers of Dask and Celery may have no child processes of multiprocessing, and a text on their
standard output can disturb them. The process is kept for the next slice.
"""

import os
import struct
import subprocess
import sys
from contextlib import suppress
from typing import IO

from crawler.model.errors import StateError

LENGTH = struct.Struct(">I")
_CODE = "import sys; sys.path[:] = {path!r}; from crawler.distributed.child import main; main()"


class SliceProcess:
    """It ends when this process ends, however that happens: it reads the end of its input."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-c", _CODE.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.owner = os.getpid()

    def run(self, order: bytes) -> bytes:
        """Run the slice of ``order``; returns its answer. Raises StateError if the process dies."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            write(process.stdin, order)
            return read(process.stdout)
        except (OSError, EOFError):
            code = process.wait()
            raise StateError(f"the process of the slice has ended with code {code}") from None

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End it, at once if it is in a slice."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()


def write(file: IO[bytes], message: bytes) -> None:
    file.write(LENGTH.pack(len(message)) + message)
    file.flush()


def read(file: IO[bytes]) -> bytes:
    """Raises EOFError."""
    (length,) = LENGTH.unpack(_exactly(file, LENGTH.size))
    return _exactly(file, length)


def _exactly(file: IO[bytes], length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise EOFError
    return data
