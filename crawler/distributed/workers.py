"""What the driver knows about the workers: an executor, and how many slices it runs at once."""

from collections.abc import Callable
from concurrent.futures import Executor

import msgspec


class SliceWorkers(msgspec.Struct, frozen=True):
    """Where slices run.

    ``executor.submit(run_slice, order)`` returns a future at once, from any thread. Its exception
    says that the answer is lost, such as that the process of the worker was killed; whether the
    slice began is then unknown. No engine repeats an order more than three times. ``cancel`` of
    the future is a request: an order that no worker has begun is not begun, and one that runs is
    not stopped and keeps its slot. Do not shut the executor down: ``open_workers`` does.

    ``slots()`` is the number of slices that can run at once now. It changes as workers come and
    go, may be 0 for a while, and takes no time: call it whenever orders are given. ``says``
    describes the workers for people and has no secret.
    """

    executor: Executor
    slots: Callable[[], int]
    says: str
