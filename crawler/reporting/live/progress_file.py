"""Keeps ``progress.json`` of a run up to date, for readers outside of the crawl."""

import errno
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from crawler.metrics.progress import RunProgress, encode

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two versions of the file, at least."""
_LATE = 2 * EVERY
"""Without a commit for so long, the file is replaced all the same: the run is blocked."""


class ProgressFile:
    """Replaces the file on a thread of its own; the fetch thread does not wait for the disk.

    It is a view: if it cannot be written, the crawl continues, and the log says so once.
    """

    def __init__(self, path: Path, read: Callable[[], RunProgress]) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._read = read
        self._written = float("-inf")
        self._thread = ThreadPoolExecutor(1, "crawler-progress")
        self._writing: Future[None] | None = None
        self._has_failed = False

    def replace(self, now: float) -> None:
        """The crawl began, or a commit ended, at ``now`` (monotonic)."""
        if now >= self._written + EVERY:
            self._write(now)

    def passed(self, now: float) -> None:
        """Time has passed, perhaps without a commit."""
        if now >= self._written + _LATE:
            self._write(now)

    def settle(self) -> None:
        """Wait until the version that is being written is there."""
        if self._writing is not None:
            self._writing.result()

    def close(self) -> None:
        """Write the file for the last time."""
        self._thread.shutdown(wait=True)
        self._replace(self._read())

    def _write(self, now: float) -> None:
        if self._writing is None or self._writing.done():
            self._written = now
            self._writing = self._thread.submit(self._replace, self._read())

    def _replace(self, progress: RunProgress) -> None:
        try:
            # Whatever stands there is removed, never followed or written to.
            self._part.unlink(missing_ok=True)
            file = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
            with os.fdopen(file, "wb") as part:
                part.write(encode(progress))
            self._part.replace(self._path)
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        with suppress(OSError):
            self._part.unlink(missing_ok=True)
        if not self._has_failed:
            self._has_failed = True
            text = "%s: cannot be written (%s); the crawl continues"
            log.log(_level(error), text, self._path, error.strerror)


def _level(error: OSError) -> int:
    """A disk that fails or is full ends the crawl with a sentence of its own: one is enough."""
    return logging.INFO if error.errno in (errno.EIO, errno.ENOSPC) else logging.WARNING
