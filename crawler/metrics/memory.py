"""Peak memory of the processes of a run."""

import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path


def rss_peak(pids: Iterable[int] = ()) -> float:
    """The sum of the peaks of this process and of ``pids``, in MB (10^6 bytes).

    An upper bound of the joint peak: the peaks may be at different times, and shared memory counts
    once per process. A process that has ended counts as 0, so call this while the workers run. On
    systems without ``/proc`` (macOS) only this process is counted.
    """
    others = sum(_high_water(pid) or 0 for pid in set(pids) - {os.getpid()})
    own = _high_water(os.getpid())
    return (others + (_own_peak() if own is None else own)) / 1e6


def _high_water(pid: int) -> int | None:
    """``VmHWM`` of proc(5) in bytes; None if it cannot be read."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def _own_peak() -> int:
    """In bytes; ``ru_maxrss`` is in kilobytes, except on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
