"""An executor over a system that knows orders and answers, but no futures."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import suppress
from functools import partial

RunOrder = Callable[[bytes], bytes]
"""The function that a worker runs: an order in, its answer out."""


class RemoteExecutor(Executor):
    """Keeps the futures of what was submitted; ``send`` brings an order to a worker."""

    def __init__(self) -> None:
        self._open: set[Future[bytes]] = set()

    def send(self, run: RunOrder, order: bytes, future: Future[bytes]) -> Callable[[], object]:
        """Send ``order``, and ``settle`` the future some time; return what takes the order back."""
        raise NotImplementedError

    def submit(  # type: ignore[override]  # not any call, but one with an order
        self, run: RunOrder, order: bytes, /
    ) -> Future[bytes]:
        future: Future[bytes] = Future()
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        take_back = self.send(run, order, future)
        future.add_done_callback(partial(_if_cancelled, take_back))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel every future that is open, whatever the arguments: no answer will come."""
        for future in tuple(self._open):
            future.cancel()


def settle(future: Future[bytes], answer: bytes | BaseException) -> None:
    """Set the result or the exception, unless the future was cancelled."""
    with suppress(InvalidStateError):
        if isinstance(answer, bytes):
            future.set_result(answer)
        else:
            future.set_exception(answer)


def _if_cancelled(take_back: Callable[[], object], future: Future[bytes]) -> None:
    if future.cancelled():
        future.set_running_or_notify_cancel()  # wakes wait()
        take_back()
