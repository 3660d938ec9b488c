"""Async iterables as input, on an event loop of their own and on the caller's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable

import pytest

from crawler.sources.async_lines import CallerLoopLines, OwnLoopLines


class Numbers:
    """Yields numbers, notes which were asked for, and whether it was closed on its loop."""

    def __init__(self, count: int, error: BaseException | None = None) -> None:
        self.taken: list[int] = []
        self.threads: set[threading.Thread] = set()
        self.is_closed = False
        self._count = count
        self._error = error

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            for number in range(self._count):
                self.taken.append(number)
                self.threads.add(threading.current_thread())
                await asyncio.sleep(0)
                yield str(number)
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed = True


async def read(lines: Iterable[str]) -> list[str]:
    """Read ``lines`` on another thread, as the crawl does."""
    return await asyncio.to_thread(list, lines)


def test_lines_come_in_order_from_an_own_loop() -> None:
    numbers = Numbers(3)
    assert list(OwnLoopLines(numbers)) == ["0", "1", "2"]
    assert numbers.is_closed


async def test_an_own_loop_runs_beside_a_running_one() -> None:
    numbers = Numbers(3)
    assert await read(OwnLoopLines(numbers)) == ["0", "1", "2"]
    assert numbers.threads.isdisjoint({threading.current_thread()})


async def test_lines_come_in_order_from_the_callers_loop() -> None:
    numbers = Numbers(3)
    assert await read(CallerLoopLines(numbers)) == ["0", "1", "2"]
    assert numbers.threads == {threading.current_thread()}


def test_nothing_is_taken_before_it_is_asked_for() -> None:
    numbers = Numbers(10)
    lines = iter(OwnLoopLines(numbers))
    assert [next(lines), next(lines)] == ["0", "1"]
    assert numbers.taken == [0, 1]
    lines.close()  # type: ignore[attr-defined]
    assert numbers.is_closed


async def test_the_caller_is_asked_for_no_more_than_is_read() -> None:
    numbers = Numbers(10)
    lines = iter(CallerLoopLines(numbers))
    assert await asyncio.to_thread(next, lines) == "0"
    assert numbers.taken == [0]


@pytest.mark.parametrize("text", ["", "not a URL"])
def test_a_strange_line_does_not_end_the_input(text: str) -> None:
    async def lines() -> AsyncIterator[str]:
        yield text
        yield "after"

    assert list(OwnLoopLines(lines())) == [text, "after"]


def test_an_error_reaches_the_reader_of_an_own_loop() -> None:
    with pytest.raises(ValueError, match="their bug"):
        list(OwnLoopLines(Numbers(1, ValueError("their bug"))))


async def test_an_error_reaches_the_reader_of_the_callers_loop() -> None:
    with pytest.raises(ValueError, match="their bug"):
        await read(CallerLoopLines(Numbers(1, ValueError("their bug"))))


def test_a_cancellation_in_an_own_loop_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="was cancelled"):
        list(OwnLoopLines(Numbers(1, asyncio.CancelledError())))


async def test_closing_ends_a_step_that_waits() -> None:
    is_waiting, was_cancelled = asyncio.Event(), False

    async def silent() -> AsyncIterator[str]:
        nonlocal was_cancelled
        yield "first"
        is_waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled = True
            raise

    lines = CallerLoopLines(silent())
    reading = asyncio.create_task(read(lines))
    await is_waiting.wait()
    await lines.close()
    assert was_cancelled
    assert await reading == ["first"]
    assert await read(lines) == []


async def test_closing_before_the_first_step_takes_nothing() -> None:
    numbers = Numbers(3)
    lines = CallerLoopLines(numbers)
    await lines.close()
    assert await read(lines) == []
    assert numbers.taken == []
