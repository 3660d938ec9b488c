"""Starts parse workers. It imports little, so that workers start while the crawler still imports.

A worker is a new interpreter, not a fork and not started by multiprocessing: it never imports the
user's ``__main__``. So a script without a ``__main__`` guard, ``python -c`` and a notebook work.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_BOOT = """
import sys
sys.path[:] = sys.argv[1:]
from crawler.parsing.executors.worker import main
main()
"""
_BUFFER = 1 << 20


class Spawned:
    """A ``process`` that becomes a worker, and ``sock``, the parent's end of its socket."""

    def __init__(self) -> None:
        self.sock, worker_end = socket.socketpair()
        with worker_end:
            for end in (self.sock, worker_end):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            # Its standard output is our standard error: the output of a user's parser must not be
            # mixed with the pages of ``--out -``.
            command = [sys.executable, "-c", _BOOT, *sys.path]
            stdin = worker_end.fileno()
            self.process = subprocess.Popen(command, stdin=stdin, stdout=2)  # noqa: S603

    def end(self) -> None:
        """Kill the process and close the socket."""
        self.sock.close()
        self.process.kill()
        self.process.wait()


@contextmanager
def spawned(count: int) -> Iterator[Sequence[Spawned]]:
    """Start ``count`` processes, and end all of them with the context."""
    processes = [Spawned() for _ in range(count)]
    try:
        yield processes
    finally:
        for each in processes:
            each.end()
