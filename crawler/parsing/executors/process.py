"""Parses in processes of ``concurrent.futures.ProcessPoolExecutor``."""

import fcntl
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from typing import Any

from crawler.parsing.executors.base import ExecutorOptions
from crawler.parsing.executors.forkserver import ForkServer, PoolProcess
from crawler.parsing.executors.gathering import MOST_BYTES
from crawler.parsing.executors.supervised import SupervisedExecutor


class ProcessExecutor(SupervisedExecutor):
    """The default executor: pools of the standard library, from a fork server of our own."""

    def __init__(self, options: ExecutorOptions) -> None:
        super().__init__(options, ProcessLauncher(options.prestarted or ForkServer()))


class ProcessLauncher:
    def __init__(self, server: ForkServer) -> None:
        self._server = server

    @property
    def pids(self) -> Sequence[int]:
        return [] if self._server.pid is None else [self._server.pid]

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def pool(self, initializer: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:
        context = self._server.context
        pool = ProcessPoolExecutor(
            1, mp_context=context, initializer=initializer, initargs=arguments
        )
        _widen_pipes(pool)
        return pool

    @property
    def newest(self) -> PoolProcess:
        return self._server.newest


def _widen_pipes(executor: ProcessPoolExecutor) -> None:
    """Let a whole batch fit into the pipes, so that their threads wake up once for it (Linux)."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    for queue, end in (("_call_queue", "_writer"), ("_result_queue", "_reader")):
        pipe = getattr(getattr(executor, queue, None), end, None)
        if set_size is not None and pipe is not None:
            with suppress(OSError):  # beyond the limit of the system: then it stays as it is
                fcntl.fcntl(pipe.fileno(), set_size, MOST_BYTES)
