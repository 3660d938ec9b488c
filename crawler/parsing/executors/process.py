"""Parses in processes of ``concurrent.futures.ProcessPoolExecutor``."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from crawler.parsing.executors.base import ExecutorOptions
from crawler.parsing.executors.forkserver import ForkServer, PoolProcess
from crawler.parsing.executors.supervised import SupervisedExecutor


class ProcessExecutor(SupervisedExecutor):
    """The default executor: pools of the standard library, from a fork server of our own."""

    def __init__(self, options: ExecutorOptions) -> None:
        super().__init__(options, ProcessLauncher(options.prestarted))


class ProcessLauncher:
    """Starts workers from the ``prestarted`` server, which stays, or from one of its own."""

    def __init__(self, prestarted: ForkServer | None) -> None:
        self._server = prestarted or ForkServer()
        self._is_own = prestarted is None

    @property
    def pids(self) -> Sequence[int]:
        return [] if self._server.pid is None else [self._server.pid]

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        if self._is_own:
            self._server.stop()

    def pool(self, initializer: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:
        context = self._server.context
        return ProcessPoolExecutor(
            1, mp_context=context, initializer=initializer, initargs=arguments
        )

    @property
    def newest(self) -> PoolProcess:
        return self._server.newest
