"""Creates a parse executor by name, and starts its processes early."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from crawler.model.errors import UsageError
from crawler.model.plugins import load
from crawler.parsing.executors.names import EXECUTORS, starts_processes

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from crawler.parsing.executors.base import ExecutorOptions, ParseExecutor
    from crawler.parsing.executors.forkserver import ForkServer


def check_executor(choice: "str | Executor") -> None:
    """Raises UsageError if a package is missing, or if this process may not have processes."""
    if isinstance(choice, str):
        _class_of(choice)
    if starts_processes(choice) and multiprocessing.current_process().daemon:
        raise UsageError(
            "a daemonic process cannot have parse processes: use --parse thread or inline, or "
            "crawl in a process that is not daemonic"
        )


def _class_of(name: str) -> "Callable[[ExecutorOptions], ParseExecutor]":
    try:
        found: Callable[[ExecutorOptions], ParseExecutor] = load(EXECUTORS[name])
    except ImportError as error:
        raise UsageError(
            f"--parse {name} needs another package: pip install 'simulcrawl[{name}]' ({error})"
        ) from None
    return found


def make_executor(choice: "str | Executor", options: "ExecutorOptions") -> "ParseExecutor":
    """``choice`` is a key of ``EXECUTORS``, or an executor object.

    Raises UsageError like ``check_executor``, and if a worker cannot get what it needs.
    """
    if isinstance(choice, str):
        return _class_of(choice)(options)
    from crawler.parsing.executors.given import GivenExecutor

    return GivenExecutor(choice, options)


@contextmanager
def prestarted(choice: "str | Executor") -> "Iterator[ForkServer | None]":
    """Start what ``process`` needs before it exists, while the program still imports modules.

    It ends with the context. Yields None for other executors, and if it cannot be started: the
    executor will say why.
    """
    server = None
    if choice == "process":
        from crawler.parsing.executors.forkserver import prestart

        with suppress(OSError):
            server = prestart()
    try:
        yield server
    finally:
        if server is not None:
            server.stop()
