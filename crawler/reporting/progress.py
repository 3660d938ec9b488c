"""The progress of a crawl, in one line at the bottom of a terminal."""

import os
from collections.abc import Callable, Iterator
from typing import Self, TextIO

from crawler.metrics.meter import Snapshot
from crawler.model.units import figure, seconds

_GAP = "  "
_MIN_BAR, _MAX_BAR = 8, 20
_COLUMNS = 80
"""Width of a terminal that does not say it."""
_ERASE = "\r\x1b[K"
"""Go to the first column and clear the line to its end (ECMA-48)."""


class Progress:
    """Rewrites its line on ``stream``; does nothing if that is not a terminal, or if ``quiet``.

    ``clear`` removes the line, and so does leaving the context; the next ``draw`` shows it again.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self.shown = not quiet and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn = False

    def draw(self, snapshot: Snapshot) -> None:
        self.draw_line(lambda width: line(snapshot, width))

    def draw_line(self, text: Callable[[int], str]) -> None:
        """``text`` returns the line for a width in columns."""
        if self.shown:
            # The last column stays empty: some terminals wrap the line once it is written.
            self._write(_ERASE + text(self._columns() - 1))
            self._drawn = True

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS
        except OSError:  # the terminal is gone
            return _COLUMNS

    def clear(self) -> None:
        if self._drawn:
            self._write(_ERASE)
            self._drawn = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


def line(snapshot: Snapshot, width: int) -> str:
    """The line for ``snapshot`` in ``width`` columns; parts that do not fit are left out."""
    parts = dict(_parts(snapshot))
    for name in ("in flight", "percent", "rate", "failed", "left"):
        if len(_GAP.join(parts.values())) <= width:
            break
        parts.pop(name, None)
    room = width - len(_GAP.join(parts.values())) - len(_GAP)
    if snapshot.total and room >= _MIN_BAR:
        parts["count"] += _GAP + _bar(snapshot.finished / snapshot.total, min(room, _MAX_BAR))
    return _GAP.join(parts.values())[:width]


def _parts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    finished, total = snapshot.finished, snapshot.total
    yield "count", f"{finished:,} finished" if total is None else f"{finished:,} of {total:,}"
    if total:
        yield "percent", f"{int(100 * finished / total)} %"
    yield "rate", f"{figure(snapshot.rate)}/s"
    if snapshot.failed:
        yield "failed", f"{snapshot.failed:,} failed"
    if snapshot.resting:
        several = f"{snapshot.resting:,} hosts"
        yield "resting", f"waiting for {snapshot.silent if snapshot.resting == 1 else several}"
    yield "in flight", f"{snapshot.in_flight:,} in flight"
    if total and snapshot.rate > 0 and total > finished:
        yield "left", f"{seconds(max(1, round((total - finished) / snapshot.rate)))} left"


def _bar(share: float, width: int) -> str:
    done = int(share * width)
    return "━" * done + "─" * (width - done)
