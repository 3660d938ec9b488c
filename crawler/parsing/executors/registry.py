"""Creates a parse executor by name, and starts its processes early."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crawler.model.plugins import load
from crawler.parsing.executors.names import EXECUTORS
from crawler.parsing.executors.spawn import Spawned, spawned

if TYPE_CHECKING:
    from crawler.parsing.executors.base import ExecutorOptions, ParseExecutor


def make_executor(name: str, options: "ExecutorOptions") -> "ParseExecutor":
    """``name`` is a key of ``EXECUTORS``."""
    executor: ParseExecutor = load(EXECUTORS[name])(options)
    return executor


@contextmanager
def prestarted(name: str, workers: int) -> Iterator[Sequence[Spawned]]:
    """Start worker processes before the executor exists, while the program still imports modules.

    Yields an empty list for an executor without processes. All processes end with the context.
    """
    with spawned(workers if name == "process" else 0) as processes:
        yield processes
