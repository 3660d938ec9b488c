"""Decides when each request may start. Hosts are in a heap by their next allowed time.

If more hosts have requests than connections can be kept open, then in turns every request would
need a new connection. So a host whose last request has just ended is preferred, a few times.

A host is in a heap, passed over, or parked at its address, exactly when it has a waiting request
and is below its limit. A waiting host holds no slot. A host without requests is forgotten when its
delay is over. Pure: ``now`` (monotonic seconds) is passed in.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec

from crawler.frontier.host_queue import AddressLoad, HostPolicy, HostQueue, HostTurn

T = TypeVar("T")
PREFERENCES = 7
"""How often a host is preferred before it waits for its turn among all hosts again."""
FEW_REQUESTS, MANY_REQUESTS = 256, 600
"""So many requests wait, so that there is always one to start; of many hosts, at most so many: each
host takes memory, above all its robots.txt."""
_SHARE_OF_CONNECTIONS = 0.125
"""If so many hosts are among the next few requests, there may be more of them than connections."""


class Standing(Enum):
    """What is known about a host: it answers, nothing yet, or it does not answer."""

    ANSWERS = "answers"
    NEW = "new"
    SILENT = "silent"


class Wait(msgspec.Struct, frozen=True):
    """No request may start now. Call again at ``until``; if it is None, after the next change.

    ``held`` is True if requests wait for politeness, False if there are no requests. ``silent``:
    all of them are for sites that do not answer.
    """

    until: float | None
    held: bool
    silent: bool = False


class Schedule(Generic[T]):
    """Requests of any type ``T``, by host.

    The first allowed starts first, except for ``PREFERENCES`` requests for each that was the first.
    So no host starves.
    """

    def __init__(
        self,
        policy: Callable[[str], HostPolicy],
        rate: float | None = None,
        standing: Callable[[str], Standing] = lambda _: Standing.ANSWERS,
        not_before: Callable[[str, HostPolicy], float] = lambda _, __: 0.0,
        connections: float = math.inf,
    ) -> None:
        """``policy`` is called for each new host, and again for a host that was forgotten.

        ``rate`` limits the requests per second to all hosts together. ``standing`` is called when
        ``next`` must be wary. ``not_before`` returns when a host may get its first request.
        ``connections`` is how many hosts can keep a connection.
        """
        self._policy = policy
        self._not_before = not_before
        self._standing = standing
        self._interval = 1.0 / rate if rate else 0.0
        self._next_any = 0.0
        self._queues: dict[str, HostQueue[T]] = {}
        self._addresses: WeakValueDictionary[str, AddressLoad[T]] = WeakValueDictionary()
        self._connections = connections
        self._heap: list[HostTurn[T]] = []
        self._warm: list[HostTurn[T]] = []
        self._new: list[HostTurn[T]] = []
        self._silent: list[HostTurn[T]] = []
        self._idle: list[HostTurn[T]] = []
        self._later: list[tuple[float, int, str, T, bool]] = []
        self._turns = itertools.count()
        self._now = 0.0
        self.waiting = 0

    def __repr__(self) -> str:
        return f"Schedule({self.waiting} waiting, {self.hosts} hosts)"

    @property
    def _in_turn(self) -> tuple[list[HostTurn[T]], ...]:
        """The hosts that are preferred, and all others that were not passed over."""
        return self._warm, self._heap

    @property
    def hosts(self) -> int:
        """Number of hosts with requests or with a delay that is not over."""
        return len(self._queues)

    @property
    def lacks_requests(self) -> bool:
        """Whether more of them must wait: a few, or if there are many hosts, a few of each host.

        Else a list that visits its hosts in turns would have none for a host that is preferred.
        """
        enough = FEW_REQUESTS
        if self.hosts > self._connections * _SHARE_OF_CONNECTIONS:
            enough = max(enough, min(self.hosts * (PREFERENCES + 1), MANY_REQUESTS))
        return self.waiting < enough

    def queued(self, host: str) -> int:
        """Number of requests of ``host`` that wait, without those pushed for later."""
        queue = self._queues.get(host)
        return len(queue.items) if queue is not None else 0

    def push(self, host: str, item: T, *, first: bool = False, urgent: bool = False) -> None:
        """Queue ``item`` at its host, at the head if ``first``.

        An ``urgent`` item may start even if the host is closed.
        """
        queue = self._queue_of(host)
        start, end = (0, queue.urgent) if urgent else (queue.urgent, len(queue.items))
        queue.items.insert(start if first else end, item)
        queue.urgent += urgent
        self.waiting += 1
        self._add_turn(queue)

    def push_later(self, host: str, item: T, at: float, *, urgent: bool = False) -> None:
        """Queue ``item`` at the head of its host at the time ``at``, not before."""
        heapq.heappush(self._later, (at, next(self._turns), host, item, urgent))
        self.waiting += 1

    def next(self, now: float, *, wary: bool = False) -> tuple[float, T] | Wait:
        """Start the next request: return when it became allowed, and the request; or a Wait.

        If ``wary``, hosts that answer go first, then new ones. A silent host goes only when no
        other host waits, not even for its delay.
        """
        self._now = max(self._now, now)
        self._push_due(now)
        self._forget_idle(now)
        heap = self._choose(now, wary=wary)
        if heap is None:
            return self._wait()
        allowed, _, queue = heapq.heappop(heap)
        since = max(allowed, self._next_any)
        queue.turn = None
        queue.preferences = queue.preferences - 1 if heap is self._warm else PREFERENCES
        item = queue.items.pop(0)
        queue.urgent -= queue.urgent > 0
        self._take(queue, now)
        return since, item

    def others_wait(self, now: float) -> bool:
        """Whether a host that is not silent could start a request now."""
        heap = self._choose(now, wary=True)
        return heap is not None and heap is not self._silent

    def rejoin(self, host: str) -> None:
        """A silent ``host`` has answered: it may have been passed over."""
        if host in self._queues:
            self._renew_turn(self._queues[host])

    def _choose(self, now: float, *, wary: bool) -> list[HostTurn[T]] | None:
        """Return the heap whose first host starts the next request now, or None."""
        if not wary:
            if self._new or self._silent:
                self._end_passing()
            return self._first_ready(now)
        while True:
            heap = self._choose_warily(now)
            # A host that was passed over waits among all others again, if its time has changed.
            if heap is self._warm or heap is self._heap or self._first_ready(now) is None:
                return heap

    def _first_ready(self, now: float) -> list[HostTurn[T]] | None:
        for heap in self._in_turn:
            if self._is_ready(heap, now):
                return heap
        return None

    def _choose_warily(self, now: float) -> list[HostTurn[T]] | None:
        """Pass over the hosts that do not answer, as long as there are others."""
        for heap in self._in_turn:
            while self._is_ready(heap, now):
                standing = self._standing(heap[0][2].name)
                if standing is Standing.ANSWERS:
                    return heap
                passed = self._new if standing is Standing.NEW else self._silent
                heapq.heappush(passed, heapq.heappop(heap))
        while self._is_ready(self._new, now):
            if self._standing(self._new[0][2].name) is not Standing.SILENT:
                return self._new
            heapq.heappush(self._silent, heapq.heappop(self._new))
        is_alone = self._is_ready(self._silent, now) and not self._others_come()
        return self._silent if is_alone else None

    def _others_come(self) -> bool:
        """Whether a host that is not silent waits in the heap for its time."""
        return any(
            queue.turn == turn
            and queue.has_work
            and queue.is_free
            and self._standing(queue.name) is not Standing.SILENT
            for heap in self._in_turn
            for _, turn, queue in heap
        )

    def _end_passing(self) -> None:
        """Let the hosts that were passed over wait among all others again."""
        for passed in (self._new, self._silent):
            for turn in passed:
                heapq.heappush(self._heap, turn)
            passed.clear()

    def _is_ready(self, heap: list[HostTurn[T]], now: float) -> bool:
        """Whether the first host of ``heap`` may start a request now.

        Hosts before it, which may not, are dropped or parked.
        """
        while heap and max(heap[0][0], self._next_any) <= now:
            since, turn, queue = heap[0]
            if queue.turn == turn and queue.has_work and queue.is_free and queue.allowed <= since:
                if queue.has_address:
                    return True
                assert queue.address is not None
                heapq.heappush(queue.address.parked, heapq.heappop(heap))
                continue
            heapq.heappop(heap)
            if queue.turn == turn:
                self._renew_turn(queue)
            # It may have been unparked for a slot at its address that it does not use now.
            self._unpark(queue.address)
        return False

    def _wait(self) -> Wait:
        silent = self._silent if self._silent and not self._others_come() else ()
        heaps = (*self._in_turn, self._new, silent)
        times = [max(heap[0][0], self._next_any) for heap in heaps if heap]
        times += [self._later[0][0]] if self._later else []
        return Wait(min(times, default=None), self.waiting > 0)

    def _take(self, queue: HostQueue[T], now: float) -> None:
        self.waiting -= 1
        queue.count(1)
        if queue.policy.per_host != 1:
            queue.allowed = now + queue.policy.delay
        if self._interval:
            self._next_any = max(now, self._next_any) + self._interval
        self._add_turn(queue)

    def release(self, host: str, now: float) -> None:
        """A request that ``next`` returned has ended."""
        self._now = max(self._now, now)
        queue = self._queues[host]
        if queue.policy.per_host == 1:
            queue.allowed = max(queue.allowed, now + queue.policy.delay)
        self._free_slot(queue, now)
        if queue.preferences and not queue.active and len(self._queues) > self._connections:
            self._renew_turn(queue, self._warm)
        else:
            self._add_turn(queue)

    def give_back(self, host: str, allowed: float) -> None:
        """Undo the last ``next``: its request is not sent. ``allowed`` is what it returned."""
        queue = self._queues[host]
        queue.allowed = allowed
        self._next_any -= self._interval
        self._free_slot(queue, allowed)
        self._renew_turn(queue)

    def not_before(self, now: float) -> Iterator[tuple[str, float]]:
        """Yield the hosts that may not get a request ``now``, and when they may.

        A request in flight counts as if it ended now.
        """
        for name, queue in self._queues.items():
            allowed, policy = queue.allowed, queue.policy
            if queue.active and policy.per_host == 1:
                allowed = max(allowed, now + policy.delay)
            if allowed > now:
                yield name, allowed

    def hold(self, host: str, until: float) -> None:
        """Start no request of ``host`` before ``until``, not even an urgent one (Retry-After)."""
        queue = self._queue_of(host)
        queue.allowed = max(queue.allowed, until)
        self._forget_if_idle(queue, self._now)

    def close(self, host: str) -> None:
        """Start only urgent requests of ``host`` until it is opened again."""
        self._queue_of(host).closed = True

    def open(self, host: str) -> None:
        queue = self._queue_of(host)
        queue.closed = False
        self._add_turn(queue)
        self._forget_if_idle(queue, self._now)

    def set_policy(self, host: str, policy: HostPolicy) -> None:
        """Use ``policy`` for ``host`` until the host is forgotten.

        Its ``per_address`` must be the same as before.
        """
        queue = self._queue_of(host)
        queue.policy = policy
        self._add_turn(queue)
        self._forget_if_idle(queue, self._now)

    def set_address(self, host: str, address: str) -> bool:
        """``host`` has the IP ``address``. Call it for every request; cheap if nothing changed.

        Returns False if the address is now over its limit: push the request again and release it.
        """
        queue = self._queue_of(host)
        found = self._addresses.get(address)
        if found is None:
            found = self._addresses[address] = AddressLoad()
        if found is not queue.address:
            self._move(queue, found)
        return not queue.policy.per_address or found.active <= queue.policy.per_address

    def _move(self, queue: HostQueue[T], found: AddressLoad[T]) -> None:
        left, active = queue.address, queue.active
        queue.count(-active)
        queue.address = found
        queue.count(active)
        self._renew_turn(queue)
        self._forget_if_idle(queue, self._now)
        self._unpark(left, active + 1)

    def _queue_of(self, name: str) -> HostQueue[T]:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = HostQueue(name, self._policy(name))
            queue.allowed = self._not_before(name, queue.policy)
        return queue

    def _add_turn(self, queue: HostQueue[T], heap: list[HostTurn[T]] | None = None) -> None:
        """Let the host wait in ``heap``, by default among all, if it does not wait."""
        if queue.turn is None and queue.has_work and queue.is_free:
            queue.turn = next(self._turns)
            since = max(queue.allowed, self._now)
            heapq.heappush(self._heap if heap is None else heap, (since, queue.turn, queue))

    def _renew_turn(self, queue: HostQueue[T], heap: list[HostTurn[T]] | None = None) -> None:
        """Replace the turn, because its time or its address has changed, or it is preferred."""
        queue.turn = None
        self._add_turn(queue, heap)

    def _free_slot(self, queue: HostQueue[T], now: float) -> None:
        queue.count(-1)
        self._forget_if_idle(queue, now)
        self._unpark(queue.address)

    def _unpark(self, address: AddressLoad[T] | None, count: int = 1) -> None:
        """Move the first ``count`` hosts that are parked at ``address`` back to the heap."""
        while address is not None and address.parked and count:
            parked = heapq.heappop(address.parked)
            if parked[2].turn == parked[1]:
                heapq.heappush(self._heap, parked)
                count -= 1

    def _forget_if_idle(self, queue: HostQueue[T], now: float) -> None:
        """Forget the host if it has no requests, now or when its delay is over."""
        if not queue.is_idle:
            return
        if queue.allowed > now:
            heapq.heappush(self._idle, (queue.allowed, next(self._turns), queue))
        elif self._queues.get(queue.name) is queue:
            del self._queues[queue.name]

    def _forget_idle(self, now: float) -> None:
        while self._idle and self._idle[0][0] <= now:
            self._forget_if_idle(heapq.heappop(self._idle)[2], now)

    def _push_due(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, _, host, item, urgent = heapq.heappop(self._later)
            self.waiting -= 1
            self.push(host, item, first=True, urgent=urgent)
