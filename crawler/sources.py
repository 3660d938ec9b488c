"""Where URLs come from: arguments, lists, standard input, any iterable; read lazily by a thread."""

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

import msgspec

from crawler.errors import UsageError
from crawler.urls import UrlError, parse_input

BATCH = 256
"""Lines the crawler takes at once."""
AHEAD = 1024
"""Lines read before the crawler asked for them."""
_LONGEST_LINE = 1 << 20
_SHOWN = 500


class Wanted(msgspec.Struct, frozen=True):
    """A line of the input: a canonical ``url`` and its userinfo, or what is ``wrong`` with it."""

    url: str
    userinfo: str | None = None
    wrong: str | None = None


class Source(Protocol):
    """The input as the core sees it. ``changed`` is called, from any thread, when there is more."""

    changed: Callable[[], None]
    failed: Callable[[Exception], None]

    @property
    def exhausted(self) -> bool:
        """Everything was taken."""
        ...

    def start(self) -> None: ...

    def take(self) -> list[Wanted]:
        """The next lines; none while there are none yet."""
        ...

    def stop(self) -> None: ...


def lines(sources: Iterable[str]) -> Iterator[str]:
    """What the arguments of ``crawler crawl`` stand for. Raises UsageError, before the first line
    where an argument is no URL, file or ``-``.
    """
    return (line for source in [_open(source) for source in sources] for line in source)


def _open(source: str) -> Iterator[str]:
    if source == "-":
        return _clean(sys.stdin.buffer)
    if "://" in source:
        return iter((source,))
    path = Path(source)
    if not path.exists():
        hint = f"; for a URL write http://{source}" if "." in source and "/" not in source else ""
        raise UsageError(f"{source}: no such file, and not a URL{hint}")
    if path.is_dir():
        raise UsageError(f"{source}: is a directory; a file of URLs is needed, one a line")
    return _read(path)


def _read(path: Path) -> Iterator[str]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    return _clean(file)


def _clean(file: IO[bytes]) -> Iterator[str]:
    """Lines without comments, blanks and white space around; what is no text stays visible."""
    with file:
        while line := file.readline(_LONGEST_LINE):
            text = line.decode("utf-8", "backslashreplace").lstrip("\ufeff").strip()
            if text and not text.startswith("#"):
                yield text


def parse(line: str) -> Wanted:
    try:
        found = parse_input(line)
    except UrlError as error:
        return Wanted(_shown(line), wrong=error.message)
    return Wanted(found.url, found.userinfo)


def _shown(line: str) -> str:
    """A line that is no URL, fit for a record: printable, not endless, without userinfo."""
    _, at, behind = line[:_SHOWN].rpartition("@")
    text = f"…@{behind}" if at else line[:_SHOWN]
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


class SourceReader:
    """Reads ``lines`` on a thread of its own, a little ahead of the crawler."""

    changed: Callable[[], None]
    failed: Callable[[Exception], None]

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self._ahead: deque[Wanted] = deque()
        self._room = threading.Condition()
        self._stopped = False
        self._ended = False

    @property
    def exhausted(self) -> bool:
        return self._ended and not self._ahead

    def start(self) -> None:
        # A daemon: a read of standard input cannot be interrupted, and must not keep us alive.
        threading.Thread(target=self._run, name="crawler-source", daemon=True).start()

    def take(self) -> list[Wanted]:
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
            for line in self._lines:
                if not self._hand(parse(line)):
                    return
        except Exception as error:  # noqa: BLE001 - the lines may come from any code of a user's
            self.failed(error)
        self._ended = True
        self.changed()

    def _hand(self, wanted: Wanted) -> bool:
        # No lock for a line: a deque's append and popleft are atomic, and only this thread appends.
        if len(self._ahead) >= AHEAD:
            with self._room:
                while len(self._ahead) >= AHEAD and not self._stopped:
                    self._room.wait()
        if self._stopped:
            return False
        self._ahead.append(wanted)
        if len(self._ahead) == 1:
            self.changed()
        return True
