"""When the responses on one HTTP/2 connection arrived, however late our event loop reads them.

The kernel knows only when the last byte of a connection arrived. So it is asked whenever our thread
comes by: the bytes that are new since the last look arrived between the two looks. Streams that are
read together take these bytes in turn, each as many as it has: so the sum over them is right,
although the order may not be.
"""

import socket
import time
from collections import deque
from typing import NamedTuple

from crawler.engines.shared.kernel import ReceivedInfo, received_info

STREAMS_OFF = 0.25
"""By what share of itself the wait of a stream may be wrong, at least: the order is not known."""
HEAD_BYTES = 100
"""About what a response takes on the wire beside its body: compressed headers, frames, TLS."""


class ThreadClock(NamedTuple):
    """``now``, monotonic, and the CPU time of our thread, in seconds."""

    now: float
    cpu: float


class Arrival(NamedTuple):
    """Bytes arrived between these two monotonic times.

    ``shared``: several streams were open, and these may have been the bytes of another one.
    """

    earliest: float
    latest: float
    shared: bool = True

    def since(self, start: float) -> tuple[float, float]:
        """Seconds from ``start`` until the bytes arrived, and by how much that may be wrong."""
        earliest, latest = max(0.0, self.earliest - start), max(0.0, self.latest - start)
        wait = (earliest + latest) / 2
        return wait, max((latest - earliest) / 2, STREAMS_OFF * wait if self.shared else 0.0)


class StreamArrivals:
    """The arrivals on the connection of ``sock``. Times are monotonic seconds."""

    def __init__(self, sock: socket.socket, clock: ThreadClock) -> None:
        self._sock = sock
        self._clock = clock
        self._seen = self._read = self._position = 0
        self._spans: deque[tuple[int, Arrival]] = deque()
        self._users: set[object] = set()

    @property
    def crowded(self) -> bool:
        """Whether several streams are open: of one alone, an event shows when it arrived."""
        return len(self._users) > 1

    def begin(self, user: object) -> None:
        """``user`` opens a stream."""
        self._users.add(user)

    def end(self, user: object) -> None:
        """The stream of ``user`` has ended; may be called twice."""
        self._users.discard(user)

    def look(self, _: socket.socket, now: float) -> None:
        """Call this at each event, before libcurl reads: what was seen before has been read."""
        self.pass_by(now)
        self._position, self._read = self._read, self._seen
        self._skip()

    def pass_by(self, now: float) -> None:
        """Call this when our thread comes by."""
        info = received_info(self._sock)
        if info is not None:
            self.fold(info, ThreadClock(now, time.thread_time()))

    def fold(self, info: ReceivedInfo, clock: ThreadClock) -> None:
        """Add what the kernel knows at ``clock``."""
        if info.received > self._seen:
            self._seen = info.received
            latest = clock.now - info.ago
            self._spans.append((info.received, Arrival(min(self._earliest(clock), latest), latest)))
        self._clock = clock

    def _earliest(self, clock: ThreadClock) -> float:
        """A thread that does not compute waits for data, and reads it at once."""
        before, cpu = self._clock
        return max(before, clock.now - (clock.cpu - cpu))

    def take(self, size: int, now: float) -> Arrival:
        """A stream has handed over ``size`` bytes: return when the last of them arrived."""
        self._position += size
        if self._position >= self._read or not self.crowded:
            self.pass_by(now)  # libcurl may have read more than was seen
            self._read = self._seen
            self._position = min(self._position, self._read) if self.crowded else self._read
        self._skip()
        if not self._spans:
            return Arrival(now, now)
        found = self._spans[0][1]
        return found if self.crowded else Arrival(found.latest, found.latest, shared=False)

    def _skip(self) -> None:
        """Forget what arrived before the present position."""
        while len(self._spans) > 1 and self._spans[0][0] < self._position:
            self._spans.popleft()
