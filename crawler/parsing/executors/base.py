"""The contract of a parse executor: where pages are computed."""

from collections.abc import Callable, Sequence
from typing import Protocol, Self

from crawler.model.callbacks import Fail
from crawler.parsing.batch import Results, Task

Deliver = Callable[[Results], None]

BATCH = 32
"""Pages a worker gets at most at once: a page alone costs twice the transport."""


class ParseExecutor(Protocol):
    """Takes responses, delivers results; an async context manager on the core's loop.

    ``deliver`` is called on that loop, ``fail`` when the stage can work no more. Leaving the stage
    waits for nothing: the core leaves it when everything was delivered, or when it has given up.
    """

    deliver: Deliver
    fail: Fail

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

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def submit(self, task: Task) -> None: ...
