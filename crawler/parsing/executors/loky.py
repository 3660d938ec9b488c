"""Parses in processes of loky, the pool of joblib (extra ``loky``)."""

import errno
import multiprocessing.resource_tracker
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from loky.backend import resource_tracker
from loky.backend.context import LokyContext
from loky.backend.process import LokyProcess
from loky.process_executor import ProcessPoolExecutor

from crawler.parsing.executors.base import ExecutorOptions
from crawler.parsing.executors.supervised import SupervisedExecutor
from crawler.parsing.executors.worker import IGNORED


class LokyExecutor(SupervisedExecutor):
    """Each worker is a new interpreter, so a worker starts more slowly than with ``process``."""

    def __init__(self, options: ExecutorOptions) -> None:
        super().__init__(options, LokyLauncher())


class _Process(LokyProcess):  # type: ignore[misc]
    def start(self) -> None:
        """Start it with the signals blocked that it will ignore as soon as it can."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def run(self) -> None:
        """In the child: run the worker. It ends without a traceback when it is out of memory."""
        try:
            super().run()
        except MemoryError:
            os._exit(errno.ENOMEM)

    def kill(self) -> None:
        """Kill it; loky itself can only terminate a process, which a worker ignores."""
        with suppress(ProcessLookupError):  # it ended by itself
            if self.is_alive():
                os.kill(self.pid, signal.SIGKILL)


class _Context(LokyContext):  # type: ignore[misc]
    """Remembers the process that was started last: the pool does not tell."""

    newest: _Process

    def Process(self, **options: Any) -> _Process:  # noqa: N802 - the name that loky calls
        self.newest = _Process(**options)
        return self.newest


class LokyLauncher:
    pids: Sequence[int] = ()

    def __init__(self) -> None:
        self._context = _Context()

    def start(self) -> None:
        # Their start unblocks the signals that the start of a process blocks.
        resource_tracker.ensure_running()
        multiprocessing.resource_tracker.ensure_running()

    def stop(self) -> None:
        pass

    def pool(self, initializer: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, context=self._context, initializer=initializer, initargs=arguments
        )

    @property
    def newest(self) -> LokyProcess:
        return self._context.newest
