"""Finds the processes that a process started, and checks that they end with it (proc(5); Linux)."""

import os
import select
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 10.0
"""Seconds that a process may outlive its parent."""


def descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    children = [int(each) for path in tasks.glob("*/children") for each in path.read_text().split()]
    return children + [each for child in children for each in descendants(child)]


@contextmanager
def ending(pid: int, least: int, *, but: Container[int] = ()) -> Iterator[None]:
    """Check that the descendants of ``pid``, at least ``least``, end after the block kills it.

    Those in ``but`` are left out.
    """
    until = time.monotonic() + PATIENCE
    while len(found := descendants(pid)) < least:
        assert time.monotonic() < until
    watches = [os.pidfd_open(each) for each in found if each not in but]
    yield
    for watch in watches:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        assert poll.poll(PATIENCE * 1000), f"a process is alive {PATIENCE:g} s after its parent"
        os.close(watch)
