"""The input as the core sees it, and the thread that reads it."""

import threading
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Protocol

from crawler.model.callbacks import Fail, Wake
from crawler.sources.input_line import InputLine, parse

BATCH = 256
"""Lines the crawler takes at once."""
AHEAD = 1024
"""Lines read before the crawler asked for them."""


class Source(Protocol):
    """The input, as the pipeline sees it."""

    @property
    def exhausted(self) -> bool:
        """Everything was taken."""
        ...

    def start(self, wake: Wake, fail: Fail) -> None:
        """Begin to read. ``wake`` is called when there are more lines, or when there are no more;
        ``fail`` when the input cannot be read. Both are called from another thread.
        """
        ...

    def take(self) -> list[InputLine]:
        """The next lines; none while there are none yet."""
        ...

    def stop(self) -> None: ...


class SourceReader:
    """Reads ``lines`` on a thread of its own, a little ahead of the crawler.

    The first ``skip`` of them are dropped: an earlier part of this crawl took them.
    """

    def __init__(self, lines: Iterable[str | InputLine], skip: int = 0) -> None:
        self._lines = lines
        self._skip = skip
        self._ahead: deque[InputLine] = deque()
        self._room = threading.Condition()
        self._stopped = False
        self._ended = False

    @property
    def exhausted(self) -> bool:
        return self._ended and not self._ahead

    def start(self, wake: Wake, fail: Fail) -> None:
        self._wake, self._fail = wake, fail
        # A daemon: a read of standard input cannot be interrupted, and must not keep us alive.
        threading.Thread(target=self._run, name="crawler-source", daemon=True).start()

    def take(self) -> list[InputLine]:
        ahead = self._ahead
        taken = [ahead.popleft() for _ in range(min(BATCH, len(ahead)))]
        if taken:
            with self._room:
                self._room.notify()
        return taken

    def stop(self) -> None:
        with self._room:
            self._stopped = True
            self._room.notify()

    def _run(self) -> None:
        try:
            for line in islice(self._lines, self._skip, None):
                if not self._hand(parse(line)):
                    return
        except Exception as error:  # noqa: BLE001 - the lines may come from any code of a user's
            self._fail(error)
        self._ended = True
        self._wake()

    def _hand(self, wanted: InputLine) -> bool:
        # No lock for a line: a deque's append and popleft are atomic, and only this thread appends.
        if len(self._ahead) >= AHEAD:
            with self._room:
                while len(self._ahead) >= AHEAD and not self._stopped:
                    self._room.wait()
        if self._stopped:
            return False
        self._ahead.append(wanted)
        if len(self._ahead) == 1:
            self._wake()
        return True
