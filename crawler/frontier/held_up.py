"""Knows which requests are held up: they have waited long for the first byte. Pure.

Servers that accept a connection and never answer would hold all slots until their requests time
out, one group after the other, while other hosts have work. So their part of the slots is limited:
while half of the slots are held up, hosts that have answered go first.
"""

from collections import OrderedDict
from collections.abc import Sequence

from crawler.frontier.schedule import Standing
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import FetchResult, Response

SHORTEST = 1.0
"""Seconds without a first byte after which a request is held up, at least."""
MEDIANS = 4.0
"""The same as a multiple of the median of this run."""
STEP = 1.05
"""Factor by which one observation moves the median."""
KEPT = 10_000
"""Maximum number of hosts that are known to answer, or not to; the oldest is forgotten first."""

_PRUNED = 8
"""Times the usual number of waits; above that, those that are over are dropped."""


def half(slots: int) -> int:
    """How many of ``slots`` silent hosts may hold while others have work."""
    return max(1, slots // 2)


class FirstByteWait:
    """A request to ``host`` in flight since ``started`` (monotonic seconds)."""

    __slots__ = ("has_begun", "host", "is_interrupted", "is_over", "started")

    def __init__(self, host: str, started: float) -> None:
        self.host = host
        self.started = started
        self.has_begun = self.is_interrupted = self.is_over = False

    def begin(self) -> None:
        """The response has begun. Any thread may call it."""
        self.has_begun = True

    def interrupt(self) -> None:
        """The request must leave its slot to another host; it will be sent again."""
        self.is_interrupted = True

    @property
    def is_waiting(self) -> bool:
        return not (self.has_begun or self.is_interrupted or self.is_over)


class HeldUp:
    """The requests in flight without a first byte, and what is known about their hosts."""

    def __init__(self, slots: int) -> None:
        self._most = half(slots)
        self._waits: list[FirstByteWait] = []
        self._held: list[FirstByteWait] = []
        self._answering: OrderedDict[str, None] = OrderedDict()
        self._silent: OrderedDict[str, None] = OrderedDict()
        self._median = 0.0

    @property
    def limit(self) -> float:
        """Seconds without a first byte after which a request is held up."""
        return max(SHORTEST, MEDIANS * self._median)

    @property
    def is_crowded(self) -> bool:
        """Whether half of the slots are held up."""
        if len(self._held) >= self._most:
            self._held = _waiting(self._held)
        return len(self._held) >= self._most

    def standing(self, host: str) -> Standing:
        if host in self._answering:
            return Standing.ANSWERS
        return Standing.SILENT if host in self._silent else Standing.NEW

    def start(self, host: str, now: float) -> FirstByteWait:
        """A request starts. To a host that is silent it counts as held up at once."""
        if len(self._waits) > _PRUNED * self._most + _PRUNED:  # nobody looks while we are busy
            self._waits = _waiting(self._waits)
        wait = FirstByteWait(host, now)
        (self._held if host in self._silent else self._waits).append(wait)
        return wait

    def end(self, wait: FirstByteWait, result: FetchResult | None, now: float) -> bool:
        """The request has ended. Return whether its host was silent and has now answered."""
        answered = isinstance(result, Response) or (wait.has_begun and not wait.is_interrupted)
        wait.is_over = True
        if not answered:
            if isinstance(result, FetchError) and result.kind is FailureKind.TIMEOUT:
                self._hear_nothing_of(wait.host)
            return False
        spent = result.timing.first_byte if isinstance(result, Response) else 0.0
        self._observe(spent or now - wait.started)
        if wait.host not in self._answering:
            _remember(self._answering, wait.host)
        was_silent = wait.host in self._silent
        self._silent.pop(wait.host, None)
        return was_silent

    def look(self, now: float) -> None:
        """Find the requests that are held up by now."""
        waits = _waiting(self._waits)
        late = [wait for wait in waits if wait.started + self.limit <= now]
        self._waits = waits[len(late) :]  # they are in the order of their starts
        self._held = _waiting(self._held) + late
        for wait in late:
            self._hear_nothing_of(wait.host)

    def excess(self, allowed: int) -> Sequence[FirstByteWait]:
        """Return the latest held-up requests beyond ``allowed``, if their host is silent."""
        count = len(self._held) - allowed
        if count <= 0:
            return ()
        return [wait for wait in self._held if wait.host in self._silent][-count:]

    def _observe(self, seconds: float) -> None:
        """Move the median towards ``seconds`` (Ma et al., Frugal Streaming, 2013)."""
        if not self._median:
            self._median = seconds
        else:
            self._median *= STEP if seconds > self._median else 1 / STEP

    def _hear_nothing_of(self, host: str) -> None:
        self._answering.pop(host, None)
        _remember(self._silent, host)


def _waiting(waits: Sequence[FirstByteWait]) -> list[FirstByteWait]:
    return [wait for wait in waits if wait.is_waiting]


def _remember(hosts: OrderedDict[str, None], host: str) -> None:
    hosts[host] = None
    if len(hosts) > KEPT:
        hosts.popitem(last=False)
