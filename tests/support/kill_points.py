"""Kills a process at each line of code, for what must survive a kill at any moment."""

import os
import signal
import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


def is_killed(
    prepare: Callable[[], T], act: Callable[[T], object], files: Collection[str], lines: int
) -> bool:
    """Run ``act`` in a fork that is killed before it runs so many ``lines`` of code in ``files``.

    Lines of ``prepare``, whose result ``act`` gets, do not count. Returns whether it was killed;
    else it came to its end.
    """
    child = os.fork()
    if not child:
        prepared = prepare()
        _kill_self_after(lines, files)
        act(prepared)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return os.WIFSIGNALED(status)


def _kill_self_after(lines: int, files: Collection[str]) -> None:
    left = lines

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
