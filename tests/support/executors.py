"""Every parse executor, as the contract suite runs it, and what it delivered."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec

from crawler.model.pages import Page
from crawler.model.scope import make_scope
from crawler.parsing.batch import Outcome, Results, Task
from crawler.parsing.executors.base import ExecutorOptions, ParseExecutor
from crawler.parsing.executors.registry import make_executor
from crawler.parsing.job import Job, ParseOptions
from crawler.sinks.jsonl import JsonlEncoder

TIMEOUT = 1.0
MARKED = "support.parsers:marked"
WATCHED = ("process", "loky")
"""Executors that end a worker whose page takes too long, and replace one that died."""
OWN = {
    "own threads": lambda: ThreadPoolExecutor(2),
    "own processes": lambda: ProcessPoolExecutor(2, multiprocessing.get_context("spawn")),
}
"""Executor objects, as a user makes them."""
FORMS = (*WATCHED, "thread", "inline", "none", *OWN)


def parse_options(**changes: Any) -> ParseOptions:
    usual = ParseOptions(
        max_bytes=1 << 20, follow=True, max_depth=None, scope=make_scope("host"), robots=True
    )
    return msgspec.structs.replace(usual, **changes)


def executor_options(workers: int = 2, timeout: float = TIMEOUT, **changes: Any) -> ExecutorOptions:
    """``changes`` are those of the parse options."""
    return ExecutorOptions(parse_options(**changes), (JsonlEncoder(),), workers, timeout=timeout)


def page(number: int, text: str = "") -> Task:
    url = f"http://a.example/{number}"
    body = f'<title>Page {number}</title><a href="/{number + 1}">next</a>{text}'.encode()
    return task(number, url, body)


def task(number: int, url: str, body: bytes, **changes: Any) -> Task:
    job = Job(number, url, url, url, 200, "text/html", None, None, "now", 1.0, 0)
    return Task(msgspec.structs.replace(job, **changes), body)


class Collected:
    """What an executor delivered, and when it is all there."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.last_good_s = 0.0
        """When the last page came that did not fail, in seconds from the start."""
        self._began = time.monotonic()
        self.chunks: list[bytes] = []
        self.error: Exception | None = None
        self._changed = asyncio.Event()

    def deliver(self, results: Results) -> None:
        for outcome in results.outcomes:
            assert outcome.id not in self.outcomes, "delivered twice"
            self.outcomes[outcome.id] = outcome
            if outcome.error is None:
                self.last_good_s = time.monotonic() - self._began
        self.chunks.append(results.chunks[0])
        self._changed.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self._changed.set()

    async def until(self, count: int) -> None:
        """Wait until ``count`` pages were delivered, or the executor failed."""
        while len(self.outcomes) < count and self.error is None:
            self._changed.clear()
            await self._changed.wait()

    @property
    def lines(self) -> list[bytes]:
        """The records, sorted."""
        return sorted(b"".join(self.chunks).splitlines())

    @property
    def titles(self) -> set[str | None]:
        return {msgspec.json.decode(line, type=Page).title for line in self.lines}

    @property
    def failures(self) -> dict[int, str]:
        """The messages of failed pages by their numbers."""
        return {n: o.message for n, o in self.outcomes.items() if o.error is not None}


@contextmanager
def made(form: str, options: ExecutorOptions) -> Iterator[ParseExecutor]:
    """An executor of ``form``; an executor object is shut down after it."""
    if form in OWN:
        with OWN[form]() as own:
            yield make_executor(_checked(own), options)
    else:
        yield make_executor(form, options)


def _checked(own: Executor) -> Executor:
    assert isinstance(own, Executor)
    return own


@asynccontextmanager
async def running(
    form: str, options: ExecutorOptions | None = None
) -> AsyncIterator[tuple[ParseExecutor, Collected]]:
    """An executor of ``form`` that has started, and what it delivers."""
    with made(form, options or executor_options()) as executor:
        collected = Collected()
        executor.start(collected.deliver, collected.fail)
        async with executor:
            yield executor, collected


async def parsed(form: str, tasks: Sequence[Task], options: ExecutorOptions) -> Collected:
    """Parse all ``tasks`` and return what was delivered."""
    async with running(form, options) as (executor, collected):
        for each in tasks:
            executor.submit(each)
        await collected.until(len(tasks))
        assert collected.error is None
        assert (executor.waiting, executor.waiting_bytes) == (0, 0)
    return collected
