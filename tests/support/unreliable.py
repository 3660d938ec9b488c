"""Workers of a sharded crawl that do with each order what a test says, in this process."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Literal

import msgspec

from crawler.distributed.child import _answer
from crawler.distributed.records import SliceAnswer, SliceOrder
from crawler.distributed.session import SliceSession
from crawler.distributed.slice import run_slice

Fate = Literal[
    "answer", "lose answer", "die before", "never begin", "forget", "twice", "cancel", "refuse"
]
"""What happens to an order.

``answer``: what should. ``lose answer``: the slice is carried out, then its worker dies. ``die
before``: it is not carried out. ``never begin`` and ``forget``: before or after it, the engine
falls silent. ``twice``: it is carried out twice, and the second answer is the one that comes.
``cancel``: the engine gives it up. ``refuse``: the engine does not take it.
"""
WORKERS = 2


class UnreliableWorkers(Executor):
    """``fate`` decides by the number of the order, from 0, and by the order."""

    def __init__(self, fate: Callable[[int, SliceOrder], Fate]) -> None:
        self._fate = fate
        self._threads = ThreadPoolExecutor(WORKERS)
        self._lock = threading.RLock()
        self.orders: list[bytes] = []
        self.answers: list[SliceAnswer] = []
        self.fates: list[Fate] = []

    def submit(self, function: Any, /, *given: Any, **_: Any) -> "Future[Any]":
        assert function is run_slice
        (order,) = given
        with self._lock:
            fate = self._fate(len(self.orders), msgspec.json.decode(order, type=SliceOrder))
            self.orders.append(order)
            self.fates.append(fate)
        if fate == "refuse":
            raise RuntimeError("no worker takes orders")
        future: Future[bytes] = Future()
        if fate == "cancel":
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            self._threads.submit(self._carry_out, fate, order, future)
        return future

    def _carry_out(self, fate: Fate, order: bytes, future: "Future[bytes]") -> None:
        try:
            found = b"" if fate in ("die before", "never begin") else self.slice(order)
            if fate == "twice":
                found = self.slice(order)
            if fate in ("die before", "lose answer"):
                raise RuntimeError("the worker has died")
        except Exception as error:  # noqa: BLE001 - the driver gets it
            future.set_exception(error)
        else:
            if fate not in ("never begin", "forget"):
                future.set_result(found)

    def slice(self, order: bytes) -> bytes:
        """Carry out an order, as the process of a slice does."""
        answer = _answer(order, SliceSession())
        with self._lock:
            self.answers.append(answer)
        return msgspec.json.encode(answer)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
