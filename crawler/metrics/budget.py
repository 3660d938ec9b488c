"""The fetch thread's time in six parts; by construction they add up to the wall time."""

import os
import time
from collections.abc import Callable
from typing import Literal, NamedTuple, Self

from crawler.metrics.report import TimeBudget
from crawler.model.events import Idle

BudgetState = Literal["waiting"] | Idle
"""The part that the thread's idle time is counted in."""


class Reading(NamedTuple):
    """The clocks of one thread at one moment, in seconds since any fixed point."""

    wall: float
    cpu: float
    descheduled: float


ReadClocks = Callable[[], Reading]


class ThreadClocks:
    """The clocks of the thread that calls it first; only that thread may call it again.

    With ``own_threads`` (an engine that computes on its own threads) ``cpu`` is that of the whole
    process. ``descheduled`` is the time in which the thread was ready to run but had no CPU core:
    the second number in ``/proc/thread-self/schedstat`` (nanoseconds); 0 on systems without it.
    """

    def __init__(self, *, own_threads: bool = False) -> None:
        self._cpu = time.process_time if own_threads else time.thread_time
        self._schedstat: int | None = None
        self._opened = False

    def __call__(self) -> Reading:
        if not self._opened:
            self._open()
        delay = 0
        if self._schedstat is not None:
            delay = int(os.pread(self._schedstat, 64, 0).split()[1])
        return Reading(time.monotonic(), self._cpu(), delay / 1e9)

    def _open(self) -> None:
        self._opened = True
        try:
            self._schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._schedstat = None

    def close(self) -> None:
        """Close the file descriptor. May be called twice, and from any thread."""
        fd, self._schedstat = self._schedstat, None
        if fd is not None:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Budget:
    """Splits the time between readings into CPU time, then time without a core, then idle time.

    Idle time is counted in the state of that interval. The CPU time of several threads can exceed
    the interval, and the clocks are not read at the same instant, so each part is limited to what
    the parts before it leave.
    """

    def __init__(self, reading: Reading, state: BudgetState) -> None:
        self.state: BudgetState = state
        self._first = self._last = reading
        self._computing = 0.0
        self._descheduled = 0.0
        self._idle: dict[BudgetState, float] = dict.fromkeys(
            ("waiting", "politeness", "starved", "backpressure"), 0.0
        )

    def close(self, reading: Reading, state: BudgetState) -> None:
        """End the interval since the last reading; the next one has ``state``."""
        wall, cpu, delay = self._last
        left = max(0.0, reading.wall - wall)
        computing = min(max(0.0, reading.cpu - cpu), left)
        left -= computing
        descheduled = min(max(0.0, reading.descheduled - delay), left)
        self._computing += computing
        self._descheduled += descheduled
        self._idle[self.state] += left - descheduled
        self._last = reading
        self.state = state

    @property
    def started(self) -> float:
        """Wall clock of the first reading."""
        return self._first.wall

    @property
    def wall(self) -> float:
        """Seconds from the first reading to the last."""
        return self._last.wall - self._first.wall

    @property
    def cpu(self) -> float:
        """CPU seconds from the first reading to the last, not limited to the wall time."""
        return self._last.cpu - self._first.cpu

    def parts(self) -> TimeBudget:
        return TimeBudget(computing=self._computing, descheduled=self._descheduled, **self._idle)
