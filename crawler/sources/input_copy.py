"""Copies standard input into the run: a pipe can be read only once, but a resume needs it again."""

import io
import os
import select
import threading
from pathlib import Path

from crawler.model.errors import writing

_PIECE = 1 << 16


class InputCopy:
    """Copies ``stream`` into a new file at ``path`` as fast as it arrives; others read the file.

    So the process that writes to the pipe never waits for the crawl, memory stays small, and the
    input received before a kill is kept. A complete copy ends with a newline, which is added if it
    is missing; a copy without one is incomplete. ``stream`` must be unbuffered: a buffered stream
    holds a lock while it waits, and the interpreter could not exit.
    """

    def __init__(self, stream: io.RawIOBase, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._changed = threading.Condition()
        self._size = 0
        self._ended = False
        self._error: Exception | None = None

    def start(self) -> None:
        """Start copying on a thread. Raises StateError if the file cannot be created."""
        with writing(self._path):
            target = io.FileIO(self._path, "xb", opener=_private)
        # A daemon: reading a pipe cannot be interrupted, and must not keep the process running.
        threading.Thread(
            target=self._run, args=(target,), name="crawler-input", daemon=True
        ).start()

    def open(self) -> io.BufferedReader:
        """Open the copy for reading from its start; at its end reading waits for more input.

        Reading raises StateError if the copying failed.
        """
        return io.BufferedReader(_Follower(self, self._path))

    def wait(self, size: int) -> bool:
        """Block until the copy has more than ``size`` bytes; False if the input has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._size > size or self._ended)
            if self._size > size:
                return True
            if self._error is not None:
                raise self._error
            return False

    def _run(self, target: io.FileIO) -> None:
        try:
            with target, writing(self._path):
                last = b"\n"
                while piece := self._next():
                    self._append(target, piece)
                    last = piece[-1:]
                if last != b"\n":
                    self._append(target, b"\n")
        except Exception as error:  # noqa: BLE001 - wait() raises it in the reading thread
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next(self) -> bytes:
        while (piece := self._stream.read(_PIECE)) is None:
            # Another process made the pipe non-blocking.
            select.select([self._stream], [], [])
        return piece

    def _append(self, target: io.FileIO, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            view = view[target.write(view) :]
        with self._changed:
            self._size += len(piece)
            self._changed.notify_all()


class _Follower(io.RawIOBase):
    """A file that is still being written."""

    def __init__(self, copy: InputCopy, path: Path) -> None:
        self._copy = copy
        self._file = io.FileIO(path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = self._file.readinto(buffer)
        while not size and self._copy.wait(self._file.tell()):
            size = self._file.readinto(buffer)
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def read_copy(path: Path) -> io.BufferedReader:
    """Open the copy that an earlier process made, without an incomplete last line.

    Raises StateError.
    """
    with writing(path):
        with path.open("rb+") as file:
            file.truncate(_whole_lines(file))
        return path.open("rb")


def _whole_lines(file: io.BufferedRandom) -> int:
    """Number of bytes up to the last newline, including it."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _PIECE)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
