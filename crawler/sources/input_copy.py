"""Copies pipes into the run: a pipe can be read only once, but a resume needs its lines again.

A line is durable before it is used. So after a loss of power the state of the run refers to no line
that the copy does not have.
"""

import io
import os
import select
import threading
from pathlib import Path

from crawler.model.errors import StateError, UsageError, writing
from crawler.model.files import open_file, read_file, replace_file, sync
from crawler.model.text import HEAD, utf_16

_PIECE = 1 << 16
_MOST_UNSYNCED = 1 << 20
"""Bytes after which the copy is made durable, even if more input is there at once."""
_TORN = (
    "is empty or has lost its end, so the rest of the list is not known: start a new crawl with "
    "the same list, in another directory; the records of this one are kept"
)
SAME_SIGNAL = 0.2
"""Seconds for which the end of an input is doubted: Ctrl-C stops all processes of a shell's pipe at
once, and the one that writes may end before we know of it.
"""


class CutInputError(Exception):
    """The lines of the input that an earlier session received are read, but it had not ended.

    The lines after them are unknown, and so are the places of all lines of later sources.
    """


class Pipe(io.RawIOBase):
    """The named pipe at ``path``, opened by the first read: opening waits for a writer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: io.FileIO | None = None

    def readable(self) -> bool:
        return True

    def _opened(self) -> io.FileIO:
        if self._file is None:
            self._file = io.FileIO(self._path)
        return self._file

    def fileno(self) -> int:
        return self._opened().fileno()

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        return self._opened().readinto(buffer)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


class InputCopy:
    """Copies ``stream`` into a file at ``part`` as fast as it arrives; others read the file.

    So the process that writes to the pipe never waits for the crawl, memory stays small, and the
    input received before a kill is kept. The copy is renamed to ``path`` when the input has ended;
    it then ends with a line end, which is added if it is missing, and a file beside it (``.end``)
    has its size in bytes. If an earlier session left a part,
    ``stream`` must begin with its whole lines, and the copy continues after them. ``stream`` must
    be unbuffered: a buffered stream holds a lock while it waits, and the interpreter could not
    exit.
    """

    def __init__(self, stream: io.RawIOBase, part: Path, path: Path) -> None:
        self._stream = stream
        self._part = part
        self._path = path
        self._changed = threading.Condition()
        self._written = self._size = 0
        self._ended = False
        self._is_stopped = False
        self._at_end = False
        self._judged = threading.Event()
        self._error: Exception | None = None

    def start(self) -> None:
        """Start copying on a thread. Raises StateError if the file cannot be created."""
        with writing(self._part):
            target = io.FileIO(self._part, "ab+", opener=_private)
            self._written = self._size = _cut_to_whole_lines(target, _line_ends(target))
            sync(self._part)
            sync(self._part.parent)
        # A daemon: reading a pipe cannot be interrupted, and must not keep the process running.
        self._thread = threading.Thread(
            target=self._run, args=(target,), name="crawler-input", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """A signal stops the crawl: if the input ends now, it may have been stopped by it too."""
        self._is_stopped = True
        self._judged.set()

    def finish(self) -> None:
        """The crawl was not stopped by a signal: if the input has ended, it is complete."""
        self._judged.set()
        if self._at_end:
            self._thread.join()

    def open(self) -> io.BufferedReader:
        """Open the copy for reading from its start; at its end reading waits for more input.

        Reading raises StateError if the copying failed, CutInputError if the input ended when the
        crawl was stopped.
        """
        try:
            file = io.FileIO(self._part)
        except FileNotFoundError:  # it is complete now
            file = io.FileIO(self._path)
        return io.BufferedReader(_Follower(self, file))

    @property
    def size(self) -> int:
        """Number of bytes that are durable."""
        return self._size

    def wait(self, size: int) -> bool:
        """Block until more than ``size`` bytes are durable; False if the input has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._size > size or self._ended)
            if self._size > size:
                return True
            if self._error is not None:
                raise self._error
            return False

    def _run(self, target: io.FileIO) -> None:
        try:
            with self._stream, target, writing(self._part):
                self._compare(target)
                self._continue(target)
                self._at_end = True
                self._judged.wait(SAME_SIGNAL)
                if self._is_stopped:
                    raise CutInputError
                self._append(target, _missing_end(target))
                self._publish(target)
                replace_file(_end_of(self._path), str(self._size).encode())
                sync(_end_of(self._path))
                self._part.rename(self._path)
                sync(self._path.parent)
        except Exception as error:  # noqa: BLE001 - wait() raises it in the reading thread
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _compare(self, target: io.FileIO) -> None:
        """Read from the stream what ``target`` has already. Raises UsageError if it differs."""
        target.seek(0)
        left = self._size
        while left:
            piece = self._next(min(left, _PIECE))
            if not piece or target.read(len(piece)) != piece:
                raise UsageError(
                    "the input is not the same as before: it does not begin with the lines that "
                    f"the run has already, which are in {self._part}"
                )
            left -= len(piece)

    def _continue(self, target: io.FileIO) -> None:
        """Copy the rest of the stream."""
        while piece := self._next(_PIECE):
            self._append(target, piece)
            if self._written - self._size >= _MOST_UNSYNCED or not self._is_ready(0):
                self._publish(target)
        self._publish(target)

    def _next(self, size: int) -> bytes:
        while (piece := self._stream.read(size)) is None:
            self._is_ready(None)  # another process made the pipe non-blocking
        return piece

    def _append(self, target: io.FileIO, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            view = view[target.write(view) :]
        self._written += len(piece)

    def _is_ready(self, seconds: float | None) -> bool:
        """Whether reading would not wait, after at most so many seconds.

        Several pieces that are there at once become durable together.
        """
        poll = select.poll()
        try:
            poll.register(self._stream, select.POLLIN)
        except io.UnsupportedOperation:  # a stream without a descriptor
            return False
        return bool(poll.poll(seconds))

    def _publish(self, target: io.FileIO) -> None:
        """Make what was written durable, and only then let the crawl read it."""
        os.fsync(target.fileno())
        with self._changed:
            self._size = self._written
            self._changed.notify_all()


class _Follower(io.RawIOBase):
    """A file that is still being written."""

    def __init__(self, copy: InputCopy, file: io.FileIO) -> None:
        self._copy = copy
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what is durable: the file may already have more."""
        at = self._file.tell()
        if not self._copy.wait(at):
            return 0
        return self._file.readinto(memoryview(buffer)[: self._copy.size - at])

    def close(self) -> None:
        self._file.close()
        super().close()


class _CutFile(io.FileIO):
    """A file whose end is not the end of the input."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = super().readinto(buffer)
        if not size:
            raise CutInputError
        return size


def read_copy(path: Path) -> io.BufferedReader:
    """Open the copy that an earlier process made, without an incomplete last line.

    Raises StateError, also if it is empty or shorter than it was.
    """
    with writing(path):
        with io.FileIO(path, "rb+", opener=_private) as file:
            if file.seek(0, os.SEEK_END) < _size_at_end(path):
                raise StateError(f"{path}: {_TORN}")
            if not _end_of(path).exists():  # a copy of an earlier version, which ends with LF
                _cut_to_whole_lines(file, (b"\n",))
        return path.open("rb")


def _size_at_end(path: Path) -> int:
    """Number of bytes that the copy had; at least 1 is known of that of an earlier version."""
    try:
        return int(read_file(_end_of(path)))
    except FileNotFoundError:
        return 1
    except ValueError:
        raise StateError(f"{_end_of(path)}: {_TORN}") from None


def _end_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.end")


def read_part(part: Path) -> io.BufferedReader:
    """Open the part of the input that an earlier process received.

    Reading after its last whole line raises CutInputError. Raises StateError.
    """
    with writing(part):
        with io.FileIO(part, "ab+", opener=_private) as file:
            _cut_to_whole_lines(file, _line_ends(file))
        return io.BufferedReader(_CutFile(part))


def _cut_to_whole_lines(file: io.FileIO, ends: tuple[bytes, ...]) -> int:
    """Remove an incomplete last line; return the size of the rest."""
    size = _whole_lines(file, ends)
    file.truncate(size)
    return size


def _whole_lines(file: io.FileIO, ends: tuple[bytes, ...]) -> int:
    """Number of bytes up to the last of the line ``ends``, including it."""
    width = len(ends[0])
    end = file.seek(0, os.SEEK_END) // width * width
    while end:
        start = max(0, end - _PIECE)
        file.seek(start)
        piece = file.read(end - start)
        last = max(_last(piece, each) for each in ends)
        if last >= 0:
            return start + last + width
        end = start
    return 0


def _last(piece: bytes, line_end: bytes) -> int:
    """Where the last ``line_end`` begins in ``piece``, which begins with a character; else -1."""
    at = piece.rfind(line_end)
    while at > 0 and at % len(line_end):  # in the middle of two characters
        at = piece.rfind(line_end, 0, at + len(line_end) - 1)
    return at


def _line_ends(file: io.FileIO) -> tuple[bytes, bytes]:
    """LF and CR in the encoding of the file."""
    encoding = _encoding(file)
    return "\n".encode(encoding), "\r".encode(encoding)


def _encoding(file: io.FileIO) -> str:
    file.seek(0)
    return utf_16(file.read(HEAD)) or "utf-8"


def _missing_end(file: io.FileIO) -> bytes:
    """What makes the last line whole. After half a character it makes the line invalid, too."""
    ends = _line_ends(file)
    size = file.seek(0, os.SEEK_END)
    if _whole_lines(file, ends) == size:
        return b""
    if not size % len(ends[0]):
        return ends[0]
    return b"\0" + "\ud800\n".encode(_encoding(file), "surrogatepass")


def _private(path: str, flags: int) -> int:
    return open_file(Path(path), flags, 0o600)
