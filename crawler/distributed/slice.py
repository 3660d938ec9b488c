"""The one function that an engine runs."""

import os
from typing import Final

from crawler.distributed.slice_process import SliceProcess

_IDLE: Final[list[SliceProcess]] = []
"""Processes without a slice. An engine calls a plain function, so only a module can keep them."""


def run_slice(order: bytes) -> bytes:
    """Run a slice: ``order`` and the answer are JSON, see ``records``.

    The slice runs in a process of its own, which ends with this one. Raises StateError if it dies.
    """
    process = _idle_process() or SliceProcess()
    try:
        answer = process.run(order)
    except BaseException:
        process.close()
        raise
    _IDLE.append(process)
    return answer


def _idle_process() -> SliceProcess | None:
    """An idle process of this one: after a fork the list has those of the parent."""
    while _IDLE:
        process = _IDLE.pop()
        if process.owner == os.getpid() and process.is_alive:
            return process
    return None


def end_idle() -> None:
    """End the processes that wait for slices; call it where no slice will follow."""
    while (process := _idle_process()) is not None:
        process.close()
