"""What is done before large modules are imported."""

import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager

LEAST_DATA = 34_000_000
"""Bytes of data (RLIMIT_DATA) with which a crawl can begin. With less, some libraries end the
process where they get no memory, and can say nothing.
"""


@contextmanager
def uncollected() -> Iterator[None]:
    """Import modules in it: what they make stays, so looking for garbage is 16 ms of each start.

    The collector does not look at what is there at the end any more. This is for a program of our
    own.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def check_memory() -> None:
    """Raises MemoryError if this process may not have enough memory for the imports."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit != resource.RLIM_INFINITY and limit < LEAST_DATA:
        raise MemoryError
