"""The contract of a parse executor: where pages are computed."""

from collections.abc import Callable, Sequence
from typing import Protocol, Self

import msgspec

from crawler.model.callbacks import Fail
from crawler.parsing.batch import Results, Task
from crawler.parsing.executors.spawn import Spawned
from crawler.parsing.job import ParseOptions
from crawler.sinks.base import Encoder

Deliver = Callable[[Results], None]

BATCH = 32
"""Pages a worker gets at most at once: a page alone costs twice the transport."""


class ExecutorOptions(msgspec.Struct, frozen=True):
    """What an executor is made from.

    ``encoders`` turn each page into bytes, one for each page output. ``workers`` is the most that
    work at once, ``first`` how many start at once. ``timeout`` is in seconds for one page.
    ``prestarted`` are worker processes that run already.
    """

    parse: ParseOptions
    encoders: tuple[Encoder, ...]
    workers: int = 1
    first: int | None = None
    timeout: float = 5.0
    prestarted: tuple[Spawned, ...] = ()


class ParseExecutor(Protocol):
    """Takes responses and delivers results; an async context manager on the pipeline's loop.

    Leaving it waits for nothing: the pipeline leaves it when everything was delivered, or when it
    has given up.
    """

    @property
    def waiting(self) -> int:
        """Pages submitted and not delivered."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the bodies submitted and not delivered."""
        ...

    @property
    def width(self) -> int:
        """How many pages it can work on at once, batches counted whole."""
        ...

    @property
    def pids(self) -> Sequence[int]:
        """Its processes, for the memory figure."""
        ...

    def start(self, deliver: Deliver, fail: Fail) -> None:
        """``deliver`` takes the results, ``fail`` the error after which nothing more comes.

        Both are called on the loop of the pipeline. It is called once, before ``submit``.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def submit(self, task: Task) -> None: ...
