"""Peak memory of the processes of a run."""

import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path


def rss_peak(pids: Iterable[int] = ()) -> float:
    """MB (10^6 bytes): the peaks of this process and of ``pids``, added up.

    An upper bound of the joint peak: the peaks may lie apart, and shared pages count once for each
    process. A process that is gone counts nothing, so ask while the workers live. Where there is
    no ``/proc`` (macOS) only this process is known.
    """
    others = sum(_high_water(pid) or 0 for pid in set(pids) - {os.getpid()})
    own = _high_water(os.getpid())
    return (others + (_own_peak() if own is None else own)) / 1e6


def _high_water(pid: int) -> int | None:
    """``VmHWM`` of proc(5) in bytes; None where it cannot be read."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def _own_peak() -> int:
    """Bytes; ``ru_maxrss`` is in kilobytes, but for macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
