"""The contract of a parse executor, which decides where pages are parsed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from crawler.model.callbacks import Fail
from crawler.parsing.batch import Results, Task
from crawler.parsing.job import ParseOptions
from crawler.sinks.base import Encoder

if TYPE_CHECKING:
    from crawler.parsing.executors.forkserver import ForkServer

Deliver = Callable[[Results], None]
Batch = tuple[Task, ...]


class ExecutorOptions(msgspec.Struct, frozen=True):
    """Constructor options of an executor.

    ``encoders`` turn each page into bytes, one for each page output. ``workers`` is the maximum
    number of workers, ``first`` the number that starts immediately (None: all). ``timeout`` is in
    seconds per page. ``prestarted`` is a fork server that is already running.
    """

    parse: ParseOptions
    encoders: tuple[Encoder, ...]
    workers: int = 1
    first: int | None = None
    timeout: float = 5.0
    prestarted: "ForkServer | None" = None


class ParseExecutor(Protocol):
    """Takes responses and delivers results; an async context manager on the pipeline's loop.

    Results may be delivered in any order. The exit does not wait for results: the pipeline exits
    after all of them were delivered, or when the crawl is aborted.
    """

    @property
    def waiting(self) -> int:
        """Number of pages that are submitted and not delivered."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the bodies that are submitted and not delivered."""
        ...

    @property
    def width(self) -> int:
        """Number of pages that all workers together accept at once, in full batches."""
        ...

    @property
    def workers(self) -> int:
        """Number of workers that parse now; 0 if the fetch thread parses."""
        ...

    @property
    def lost_workers(self) -> int:
        """Number of workers that died, or were ended because of their page, and were replaced."""
        ...

    @property
    def pids(self) -> Sequence[int]:
        """Ids of its processes; the report adds their memory."""
        ...

    def start(self, deliver: Deliver, fail: Fail) -> None:
        """``deliver`` receives the results, ``fail`` an error after which there are no results.

        Both are called on the loop of the pipeline. Call ``start`` once, before ``submit``.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def submit(self, task: Task) -> None: ...

    def hold(self) -> None:
        """Begin no further page until ``release``; pages may be submitted and delivered."""
        ...

    def release(self) -> None:
        """Begin pages again; without effect if they are not held."""
        ...
