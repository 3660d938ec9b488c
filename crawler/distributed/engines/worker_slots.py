"""How many slots there are now, kept up to date without anybody waiting for it."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Self

from crawler.distributed.engines.reach import TIMEOUT_S

_INTERVAL_S = 2.0
_FIRST_INTERVAL_S = 0.2
"""As long as there is no slot."""


class WorkerSlots:
    """Asks for the number of slots on a thread, since an answer can take a second.

    A context manager; calling it returns the number that was found last.
    """

    def __init__(self, ask: Callable[[], int], most: int | None) -> None:
        """``ask`` may raise OSError: the number then stays as it is. ``most`` limits the number."""
        self._ask = ask
        self._most = most
        self._count = 0
        self._found = Event()
        self._ended = Event()
        self._thread = Thread(target=self._run, name="slots", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def __call__(self) -> int:
        return self._count if self._most is None else min(self._count, self._most)

    def wait(self) -> bool:
        """Wait for a first slot; return whether there is one in time."""
        return self._found.wait(TIMEOUT_S)

    def _run(self) -> None:
        interval = 0.0
        while not self._ended.wait(interval):
            self._look()
            interval = _INTERVAL_S if self._count else _FIRST_INTERVAL_S

    def _look(self) -> None:
        with suppress(OSError):
            self._count = self._ask()
        if self._count:
            self._found.set()
