"""How much memory a worker may have: a page that needs more fails, and not the whole machine."""

import os
import resource
from pathlib import Path

_MEMORY = 4 << 30
_SHORT = 0.9


def memory_limit() -> int:
    """Maximum bytes of data of a worker: 4 GiB, or less where the system says so (RLIMIT_DATA)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return _MEMORY if soft == resource.RLIM_INFINITY else min(_MEMORY, soft)


def limit_memory() -> None:
    """Limit the data of this process to ``memory_limit``."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_limit(), hard))


def is_short_of_memory() -> bool:
    """Whether this process has nearly all the memory that it may have.

    Then a page may fail because of what other pages have left behind. False without proc(5).
    """
    try:
        pages = [int(each) for each in Path("/proc/self/statm").read_bytes().split()]
    except OSError:
        return False
    size, data = (pages[i] * os.sysconf("SC_PAGE_SIZE") for i in (0, 5))
    return _is_short(size, resource.RLIMIT_AS) or _is_short(data, resource.RLIMIT_DATA)


def _is_short(used: int, which: int) -> bool:
    limit, _ = resource.getrlimit(which)
    return limit != resource.RLIM_INFINITY and used > _SHORT * limit
