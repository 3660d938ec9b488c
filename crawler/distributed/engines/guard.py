"""Ends processes that a killed driver would leave, and removes their folder.

``Guard`` is used in the driver. The module is also the program of the guard, a small process that
is there as long as the driver: so it imports the standard library only. A process is recorded with
the time of its start, so that another one that has its id later is left alone. On systems without
``/proc`` (macOS) no process is found.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

_PATIENCE_S = 5.0


class Recorded(NamedTuple):
    """A process: its id, and when it started, in clock ticks after the start of the system."""

    pid: int
    started: int


class Guard:
    """Ends the children of this process with ``folder`` in their command line, and their children.

    A context manager. At its end they have five seconds to end; if this process was killed, they
    are killed at once. The folder is then removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._recorded: set[Recorded] = set()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 (this file)
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not for it
        )
        self._tell(os.fsencode(self._folder))
        return self

    def __exit__(self, *_: object) -> None:
        self.record()
        end(self._recorded, _PATIENCE_S)
        with self._process:
            pass  # closes its input, and waits

    def record(self) -> None:
        """Let the guard know the processes that there are now."""
        found = set(_with_descendants(_started_for(self._folder))) - self._recorded
        self._recorded |= found
        for each in found:
            self._tell(b"%d %d" % each)

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the guard was killed
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()


def _started_for(folder: Path) -> Iterator[int]:
    """Children of this process that have ``folder`` in their command lines."""
    for pid in _children(os.getpid()):
        with suppress(OSError):
            if os.fsencode(folder) in Path(f"/proc/{pid}/cmdline").read_bytes():
                yield pid


def _with_descendants(pids: Iterator[int]) -> Iterator[Recorded]:
    for pid in pids:
        with suppress(OSError):
            yield Recorded(pid, _start_of(pid))
        yield from _with_descendants(_children(pid))


def _children(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, thread.read_text().split())


def _start_of(pid: int) -> int:
    """Field 22 of ``/proc/PID/stat``; the second field is in brackets and can have blanks."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def end(processes: Iterable[Recorded], patience_s: float) -> None:
    """Wait for ``processes`` for ``patience_s`` seconds in all, and kill those that are left."""
    until = time.monotonic() + patience_s
    with ExitStack() as stack:
        for handle in [stack.enter_context(_alive(each)) for each in processes]:
            if handle is not None and not _ends(handle, until - time.monotonic()):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                _ends(handle, _PATIENCE_S)


@contextmanager
def _alive(process: Recorded) -> Iterator[int | None]:
    """A handle of the process (pidfd_open(2)), or None if it has ended."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle if _start_of(process.pid) == process.started else None
    finally:
        os.close(handle)


def _ends(handle: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout_s) * 1000))


def main() -> None:
    """The guard: return when the driver has ended, and its processes too."""
    folder = sys.stdin.buffer.readline().removesuffix(b"\n")
    recorded = [Recorded(*map(int, line.split())) for line in sys.stdin.buffer]
    end(recorded, 0)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
