"""The thread that reads the input."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

from crawler.model.callbacks import Fail, Wake
from crawler.model.errors import StateError
from crawler.model.units import count
from crawler.sources.input_copy import CutInputError
from crawler.sources.input_line import InputLine, parse

Sent = TypeVar("Sent")
"""What another shard of the crawl has sent, beside input lines; Never without shards."""

BATCH = 256
"""Lines that the pipeline takes at once."""
AHEAD = 1024
"""Lines that are read in advance."""


class SourceReader(Generic[Sent]):
    """Reads ``lines`` on its own thread, a little ahead of the pipeline. It is a ``Source``.

    The first ``skip`` lines are dropped: an earlier session of this crawl took them.
    """

    def __init__(self, lines: Iterable[str | InputLine | Sent], skip: int = 0) -> None:
        self._lines = lines
        self._skip = skip
        self._ahead: deque[InputLine | Sent] = deque()
        self._room = threading.Condition()
        self._stopped = False
        self._ended = False
        self.is_cut = False
        """Whether the input ended before its end, see CutInputError."""

    @property
    def exhausted(self) -> bool:
        """Whether all lines were taken."""
        return self._ended and not self._ahead

    def start(self, wake: Wake, fail: Fail) -> None:
        """Start reading. ``wake`` is called when there are more lines, or when there are no more;
        ``fail`` when the input cannot be read. Both are called from another thread.
        """
        self._wake, self._fail = wake, fail
        # A daemon: reading standard input cannot be interrupted, and must not keep the process.
        threading.Thread(target=self._run, name="crawler-source", daemon=True).start()

    def take(self) -> Sequence[InputLine | Sent]:
        """The next lines; empty if no line is available yet."""
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
            for line in self._new_lines():
                if not self._put(parse(line) if isinstance(line, str) else line):
                    return
        except CutInputError:
            self.is_cut = self._ended = True
        except Exception as error:  # noqa: BLE001 - the lines may come from a user's own code
            # Not ended: else the crawl could end as if it had all lines, before it hears of this.
            self._fail(error)
        else:
            self._ended = True
        finally:
            self._lines = ()  # closes the files that are still open
        self._wake()

    def _new_lines(self) -> Iterator[str | InputLine | Sent]:
        """Raises StateError if there are fewer lines than an earlier session has taken."""
        lines = iter(self._lines)
        known = sum(1 for _ in islice(lines, self._skip))
        if known < self._skip:
            raise StateError(
                f"the input has only {count(known, 'line')}, but {self._skip:,} were read before "
                "the resume: give the same input, or start a new crawl in another directory"
            )
        return lines

    def _put(self, line: InputLine | Sent) -> bool:
        """Add ``line``, waiting for room; False if the reader was stopped."""
        # No lock per line: deque's append and popleft are atomic, and only this thread appends.
        if len(self._ahead) >= AHEAD:
            with self._room:
                while len(self._ahead) >= AHEAD and not self._stopped:
                    self._room.wait()
        if self._stopped:
            return False
        self._ahead.append(line)
        if len(self._ahead) == 1:
            self._wake()
        return True
