"""Starts parse workers. It imports little, so that they can wake up while the crawler still does.

A worker is a bare interpreter, not forked and not started by multiprocessing: it never imports the
user's ``__main__``, and a script without the guard, ``python -c`` and a notebook all work.
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
    """A ``process`` on its way to being a worker, and our end of its socket, ``sock``."""

    def __init__(self) -> None:
        self.sock, theirs = socket.socketpair()
        with theirs:
            for end in (self.sock, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            # Its standard output is our standard error: what a user's parser prints must not get
            # between the pages of ``--out -``.
            command = [sys.executable, "-c", _BOOT, *sys.path]
            self.process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=2)  # noqa: S603

    def end(self) -> None:
        """For one that has become nobody's worker."""
        self.sock.close()
        self.process.kill()
        self.process.wait()


@contextmanager
def spawned(count: int) -> Iterator[Sequence[Spawned]]:
    """``count`` processes, ended with the context whoever used them."""
    processes = [Spawned() for _ in range(count)]
    try:
        yield processes
    finally:
        for each in processes:
            each.end()
