"""Futures over a system that knows none: settled once, cancelled, and never left open."""

from collections.abc import Callable
from concurrent.futures import Future, wait

import pytest

from crawler.distributed.engines.remote_executor import RemoteExecutor, RunOrder, settle


class Letters(RemoteExecutor):
    """Sends nothing; the test settles the futures."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.taken_back: list[bytes] = []

    def send(self, run: RunOrder, order: bytes, future: Future[bytes]) -> Callable[[], object]:
        self.sent.append(order)
        return lambda: self.taken_back.append(order)


def run(order: bytes) -> bytes:
    return order


@pytest.fixture
def executor() -> Letters:
    return Letters()


def test_an_answer_and_an_error_arrive(executor: Letters) -> None:
    one, other = executor.submit(run, b"1"), executor.submit(run, b"2")
    settle(one, b"answer")
    settle(other, KeyError("lost"))
    assert one.result() == b"answer"
    assert isinstance(other.exception(), KeyError)
    assert executor.taken_back == []


def test_a_cancelled_order_is_taken_back_once_and_wakes_who_waits(executor: Letters) -> None:
    future = executor.submit(run, b"1")
    assert future.cancel()
    assert wait([future], 0).done == {future}
    settle(future, b"too late")
    assert future.cancelled()
    assert future.cancel()
    assert executor.taken_back == [b"1"]


def test_an_answer_cannot_be_cancelled(executor: Letters) -> None:
    future = executor.submit(run, b"1")
    settle(future, b"answer")
    assert not future.cancel()
    assert executor.taken_back == []


def test_the_end_cancels_what_is_open(executor: Letters) -> None:
    answered, opened = executor.submit(run, b"1"), executor.submit(run, b"2")
    settle(answered, b"answer")
    executor.shutdown()
    assert answered.result() == b"answer"
    assert opened.cancelled()
    assert executor.taken_back == [b"2"]
