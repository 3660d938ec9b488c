"""Parses on the fetch thread."""

from collections.abc import Sequence
from typing import Self

from crawler.model.callbacks import Fail
from crawler.parsing.batch import BatchParser, Task
from crawler.parsing.executors.base import Deliver
from crawler.parsing.job import ParseOptions
from crawler.sinks.base import Encoder


class InlineExecutor:
    """Parses at once, on the fetch thread: simple, and honest about what it costs."""

    waiting = 0
    waiting_bytes = 0
    width = 1
    pids: Sequence[int] = ()
    deliver: Deliver
    fail: Fail

    def __init__(self, options: ParseOptions, encoders: Sequence[Encoder]) -> None:
        self._parser = BatchParser(options, encoders)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def submit(self, task: Task) -> None:
        self.deliver(self._parser.run((task,)))
