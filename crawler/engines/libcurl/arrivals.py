"""When the responses on one HTTP/2 connection arrived, however late our event loop reads them.

The kernel knows only when the last byte of a connection arrived. So it is asked whenever our thread
comes by: the bytes that are new since the last look arrived between the two looks. Streams that are
read together take these bytes in turn, each as many as it has: so the sum over them is right,
although the order may not be. They cannot have more than libcurl has read, which the kernel knows.
"""

import socket
import time
from collections import deque
from typing import NamedTuple

from crawler.engines.shared.kernel import ReceivedInfo, received_info

STREAMS_OFF = 0.25
"""By what share of itself the wait of a stream may be wrong, at least: the order is not known."""
_HEAD_BYTES = 100
"""What the first response takes on the wire beside its body: compressed headers, frames, TLS."""
MOST_SPANS = 1_000
"""Looks that are remembered, because a server may send frames that belong to no response."""


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
        self._full_since: float | None = None
        self._seen = 0
        self._spans: deque[tuple[int, Arrival]] = deque(maxlen=MOST_SPANS)
        self._users: set[object] = set()
        # Bytes of the connection: what libcurl has read, and what it has handed over to the
        # streams, as far as we know.
        self._read = self._position = 0
        # To learn what a head takes: where the first response began, and what came since.
        self._first: int | None = None
        self._heads = self._bodies = 0
        self._head = _HEAD_BYTES

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
        """Call this at each event, before libcurl reads."""
        self.pass_by(now)
        if self._first is None:  # what came before is the handshake's
            self._first = self._position = self._read
        elif self._heads:
            # Bytes of which no stream hears count, too: so the position catches up with them.
            self._head = max(0, self._read - self._first - self._bodies) // self._heads
        self._skip()

    def pass_by(self, now: float) -> None:
        """Call this when our thread comes by."""
        info = received_info(self._sock)
        if info is not None:
            self.fold(info, ThreadClock(now, time.thread_time()))

    def fold(self, info: ReceivedInfo, clock: ThreadClock) -> None:
        """Add what the kernel knows at ``clock``."""
        self._read = info.read
        earliest, latest = self._earliest(clock), clock.now - info.ago
        if info.received > self._seen:
            self._seen = info.received
            self._spans.append((info.received, Arrival(min(earliest, latest), latest)))
        self._full_since = earliest if info.is_full else None
        self._clock = clock

    def _earliest(self, clock: ThreadClock) -> float:
        """Since when the new bytes may have been there.

        A thread that does not compute waits for data, and reads it at once. But for bytes that did
        not fit, the server waited since the buffer was full.
        """
        if self._full_since is not None:
            return self._full_since
        before, cpu = self._clock
        return max(before, clock.now - (clock.cpu - cpu))

    def take_head(self, now: float) -> Arrival:
        """A stream has handed over its head: return when the last byte of it arrived.

        Compressed, and with the frames and TLS of the whole response, it is as large as those of
        this connection were until now.
        """
        self._heads += 1
        return self._take(self._head, now)

    def take(self, size: int, now: float) -> Arrival:
        """A stream has handed over ``size`` bytes of its body."""
        self._bodies += size
        return self._take(size, now)

    def _take(self, size: int, now: float) -> Arrival:
        self._position += size
        if self._position > self._read or not self.crowded:
            self.pass_by(now)  # libcurl has read more since the last look
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
