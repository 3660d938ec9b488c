"""The process of a slice that is killed at a certain point, to be run with the point's name.

The points are in the order of time: ``began`` the run of the shard, ``collected`` its mail, two
pages ``crawled``, ``written`` outputs to which the state does not refer yet, and all ``committed``,
but not answered.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from crawler.distributed import session
from crawler.distributed.child import _answer
from crawler.distributed.session import SliceSession
from crawler.frontier.state.store import Store
from crawler.pipeline.final_states import FinalStates

POINTS: dict[str, tuple[Any, str, int]] = {
    "began": (session, "_collected", 0),
    "collected": (SliceSession, "_crawl_order", 0),
    "crawled": (FinalStates, "page", 2),
    "written": (Store, "end", 0),
}
"""Where it dies: before this function is called again after so many calls."""
NAMES = (*POINTS, "committed")


def dies(point: str, order: bytes) -> bytes | None:
    """Carry out ``order`` in such a process; its answer if it did not come to the point."""
    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import main; main()", point],
        input=order,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.returncode
    return None if done.returncode else done.stdout


def main() -> None:
    point = sys.argv[1]
    if point in POINTS:
        owner, name, calls = POINTS[point]
        setattr(owner, name, _killing(getattr(owner, name), calls))
    answer = _answer(sys.stdin.buffer.read(), SliceSession())
    if point == "committed" and answer.outcome == "ended":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _killing(function: Callable[..., Any], calls: int) -> Callable[..., Any]:
    left = iter(range(calls))

    def call(*arguments: Any, **options: Any) -> Any:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    return call
