"""Standard input, copied into the run: a pipe can be read only once, a crawl may have to go on."""

import io
import os
import select
import threading
from pathlib import Path

from crawler.model.errors import writing

_PIECE = 1 << 16


class InputCopy:
    """Copies ``stream`` into a new file at ``path`` as fast as it comes, while others read that.

    So the writer at the other end of a pipe is never held up, memory stays small, and what had
    arrived when we are killed is there. A complete copy ends with a newline, added if need be; by
    that a torn one is known. ``stream`` is unbuffered: a buffered one is locked while it waits, and
    then the interpreter cannot shut down.
    """

    def __init__(self, stream: io.RawIOBase, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._changed = threading.Condition()
        self._size = 0
        self._ended = False
        self._error: Exception | None = None

    def start(self) -> None:
        """Begin to copy, on a thread. Raises StateError where the file cannot be made."""
        with writing(self._path):
            target = io.FileIO(self._path, "xb", opener=_private)
        # A daemon: reading a pipe cannot be interrupted, and must not keep us alive.
        threading.Thread(
            target=self._run, args=(target,), name="crawler-input", daemon=True
        ).start()

    def open(self) -> io.BufferedReader:
        """Read the copy from its start; at its end this waits for more, until there is no more.

        Reading raises StateError where the copying failed.
        """
        return io.BufferedReader(_Follower(self, self._path))

    def wait(self, size: int) -> bool:
        """Block until the copy has more than ``size`` bytes; False where it never will."""
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
        except Exception as error:  # noqa: BLE001 - it is raised where the copy is read
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next(self) -> bytes:
        while (piece := self._stream.read(_PIECE)) is None:
            # Somebody made the pipe non-blocking.
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
    """A file that somebody is still writing."""

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
    """Open the copy that an earlier process made, without a last line that was torn.

    Raises StateError.
    """
    with writing(path):
        with path.open("rb+") as file:
            file.truncate(_whole_lines(file))
        return path.open("rb")


def _whole_lines(file: io.BufferedRandom) -> int:
    """Bytes up to and with the last newline."""
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
