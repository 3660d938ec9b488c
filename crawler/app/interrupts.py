"""What SIGINT and SIGTERM do to a crawl of the command line."""

import os
import select
import signal
import sys
import threading
from typing import Protocol, Self, TextIO

from crawler.app.streams import InputStreams

CODE = 130
"""The exit code after a signal."""
_LAST_S = 2.0
"""Seconds after the second signal in which outputs and report may still be written."""
_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Stoppable(Protocol):
    """A crawl that another thread can end."""

    def stop(self) -> None:
        """Start no more requests; finish those in flight."""
        ...

    def abort(self) -> None:
        """End now."""
        ...


class Interrupts:
    """In its context the first signal stops the crawl, and the second one aborts it.

    After the second one the process ends within two seconds, even if the reader of its output, of
    its log or of its messages stands still: as after ``kill -9``, the run can be resumed. Signals
    of another thread than the main one are not handled.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._crawl: Stoppable | None = None
        self._streams: InputStreams | None = None
        self._last = threading.Timer(_LAST_S, os._exit, (CODE,))
        self._last.daemon = True
        self.received = 0

    def __enter__(self) -> Self:
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._before = [signal.signal(number, self._handle) for number in _NUMBERS]
        return self

    def __exit__(self, *_: object) -> None:
        self._last.cancel()
        if self._is_main:
            for number, handler in zip(_NUMBERS, self._before, strict=True):
                signal.signal(number, handler)

    def watch(self, crawl: Stoppable, streams: InputStreams) -> None:
        """Signals are for ``crawl`` and its input from now on, and one that came before."""
        self._crawl, self._streams = crawl, streams
        if self.received:
            streams.stop()
            crawl.stop()

    def _handle(self, number: int, _frame: object) -> None:
        self.received += 1
        if self.received == 2:
            self._last.start()  # first: nothing after it may be waited for
        if self._streams is not None:
            self._streams.stop()
        if self.received == 1:
            self._stop()
        elif self.received == 2 and self._crawl is not None:
            self._crawl.abort()

    def _stop(self) -> None:
        if self._crawl is not None:
            self._crawl.stop()
        if not self._quiet and _is_read(sys.stderr):
            sys.stderr.write("\ncrawler: finishing requests in flight; interrupt again to abort\n")


def _is_read(stream: TextIO) -> bool:
    """Whether a short text can be written to ``stream`` without waiting for its reader."""
    poll = select.poll()
    try:
        poll.register(stream, select.POLLOUT)
    except OSError:  # it has no descriptor
        return True
    return bool(poll.poll(0))
