"""Where log records go: to standard error or a file, as text or JSON, from a thread of their own.

Who logs only puts the record into a queue. Records may carry ``facts`` (``extra={"facts": …}``),
a dict that becomes the fields of a JSON line. Whatever comes from the network may be in a record,
so nothing that a terminal or a reader of lines could take for its own is written as it is.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from crawler.model.callbacks import Fail
from crawler.model.errors import StateError, writing

MOST = 10_000
"""Records that may wait to be written (about 10 MB); what comes then is only counted."""


def printable(text: str) -> str:
    """``text`` with every character that is not printable written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class TextFormatter(logging.Formatter):
    """Time (UTC), level, logger and message on a line; a traceback indented below."""

    def format(self, record: logging.LogRecord) -> str:
        message = printable(record.getMessage())
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {message}"
        return "\n    ".join([line, *map(printable, _traceback(self, record).splitlines())])


class JsonFormatter(logging.Formatter):
    """The same as a JSON object on one line, with the facts of the record as further fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        traceback = _traceback(self, record)
        if traceback:
            fields["traceback"] = traceback
        # ASCII, and what is not printable escaped: no character in it can act on a terminal.
        return json.dumps(fields, default=str)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


class Console(logging.StreamHandler[TextIO]):
    """Lines on a terminal where something else is drawn: draw it while you hold ``alone``.

    ``clear`` takes away what is drawn. If the terminal is gone there is nobody left to be told.
    """

    def __init__(self, stream: TextIO, clear: Callable[[], None] = lambda: None) -> None:
        super().__init__(stream)
        self.alone = threading.Lock()
        self._clear = clear

    def emit(self, record: logging.LogRecord) -> None:
        with self.alone:
            self._clear()
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        pass


class LogFile(logging.FileHandler):
    """Appends to the file at ``path``; the first error (StateError) goes to ``fail``.

    Raises StateError where it cannot be opened.
    """

    def __init__(self, path: Path, fail: Fail) -> None:
        with writing(path):
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._path = path
        self._fail: Fail | None = fail

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        error = sys.exception()
        if isinstance(error, Exception):
            self._failed(error)

    def close(self) -> None:
        """Close it; what could not be written is tried once more, and may fail once more."""
        try:
            super().close()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        fail, self._fail = self._fail, None
        if fail is not None:
            reason = error.strerror if isinstance(error, OSError) else error
            fail(StateError(f"{self._path}: {reason}"))


class Entrance(QueueHandler):
    """Puts records into the queue, and never waits: what finds no room is counted and told."""

    queue: "SimpleQueue[logging.LogRecord]"

    def __init__(self) -> None:
        super().__init__(SimpleQueue())
        self.dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # it stays in this process, and is formatted by who writes it

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() >= MOST:
            self.dropped += 1
            return
        self.tell()
        self.queue.put_nowait(record)

    def tell(self) -> None:
        """Say how many records were dropped since it was last said."""
        dropped, self.dropped = self.dropped, 0
        if dropped:
            text = "%d log records came faster than they could be written, and are lost"
            self.queue.put_nowait(
                logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (dropped,), None)
            )


@contextmanager
def written_to(handler: logging.Handler, level: str, *, as_json: bool = False) -> Iterator[None]:
    """While the context lasts, all of ours of ``level`` and above is written by ``handler``.

    Leaving it waits until everything is written, and closes ``handler``.
    """
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    entrance = Entrance()
    listener = QueueListener(entrance.queue, handler)
    logger = logging.getLogger("crawler")
    before = logger.level
    logger.addHandler(entrance)
    logger.setLevel(level.upper())
    listener.start()
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(entrance)
        entrance.tell()
        listener.stop()
        handler.close()
