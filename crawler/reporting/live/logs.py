"""Writes log records to standard error or a file, as text or JSON, on a thread of their own.

A thread that logs only puts the record into a queue. Records may carry ``facts``
(``extra={"facts": …}``), a dict that becomes the fields of a JSON line. A record may contain any
text from the network, so control characters and line separators are written as escapes.
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
from crawler.model.secrets import Hide

MOST = 10_000
"""Records that may wait to be written (about 10 MB); further records are only counted."""


def printable(text: str) -> str:
    """``text`` with escapes in place of characters that are not printable."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class TextFormatter(logging.Formatter):
    """Time (UTC), level, logger and message on one line; a traceback is indented below it."""

    def __init__(self, hide: Hide = str) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        message = printable(record.getMessage())
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {message}"
        lines = [line, *map(printable, _traceback(self, record).splitlines())]
        return self._hide("\n    ".join(lines))


class JsonFormatter(logging.Formatter):
    """The same as a JSON object on one line; the facts of the record are further fields."""

    def __init__(self, hide: Hide = str) -> None:
        super().__init__()
        self._hide = hide

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
        # json escapes all but printable ASCII, so no character can control a terminal.
        return json.dumps(_hidden(fields, self._hide), default=str)


def _hidden(value: Any, hide: Hide) -> Any:
    """``value`` with the secrets in its texts hidden; numbers stay what they are."""
    if isinstance(value, dict):
        return {name: _hidden(each, hide) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(each, hide) for each in value]
    return value if value is None or isinstance(value, int | float) else hide(str(value))


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


class Console(logging.StreamHandler[TextIO]):
    """Log lines on a terminal that also shows a progress line: draw that while holding ``alone``.

    ``clear`` removes the progress line. If the terminal is gone, errors are ignored.
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
    """Appends to the file at ``path``; calls ``fail`` with the first error (StateError).

    Raises StateError if the file cannot be opened.
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
        """Close the file. This writes buffered data once more, which may fail again."""
        try:
            super().close()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        fail, self._fail = self._fail, None
        if fail is not None:
            reason = error.strerror if isinstance(error, OSError) else error
            fail(StateError(f"{self._path}: {reason}"))


class RecordQueue(QueueHandler):
    """Puts records into the queue and never waits; records that do not fit are counted."""

    queue: "SimpleQueue[logging.LogRecord]"

    def __init__(self) -> None:
        super().__init__(SimpleQueue())
        self.dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # it stays in this process; the thread that writes it formats it

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() >= MOST:
            self.dropped += 1
            return
        self.report_dropped()
        self.queue.put_nowait(record)

    def report_dropped(self) -> None:
        """Log how many records were dropped since the last call."""
        dropped, self.dropped = self.dropped, 0
        if dropped:
            text = "%d log records were lost because they could not be written fast enough"
            self.queue.put_nowait(
                logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (dropped,), None)
            )


@contextmanager
def written_to(
    handler: logging.Handler, level: str, *, as_json: bool = False, hide: Hide = str
) -> Iterator[None]:
    """Inside the context, ``handler`` writes the crawler's records of ``level`` and above.

    ``hide`` takes the secrets out of each line. Leaving it waits until all records are written, and
    closes ``handler``.
    """
    handler.setFormatter(JsonFormatter(hide) if as_json else TextFormatter(hide))
    records = RecordQueue()
    listener = QueueListener(records.queue, handler)
    logger = logging.getLogger("crawler")
    before = logger.level
    logger.addHandler(records)
    logger.setLevel(level.upper())
    listener.start()
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(records)
        records.report_dropped()
        listener.stop()
        handler.close()
