"""Decides when each request may start. Hosts are in a heap by their next allowed time.

A host is in the heap, passed over, or parked at its address, exactly when it has a waiting request
and is below its limit. A waiting host holds no slot. A host without requests is forgotten when its
delay is over. Pure: ``now`` (monotonic seconds) is passed in.
"""

import heapq
import itertools
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec

T = TypeVar("T")


class HostPolicy(msgspec.Struct, frozen=True):
    """At most ``per_host`` requests at once (0: no limit), ``delay`` seconds between them.

    The delay counts from the start of the previous request; from its end if ``per_host`` is 1.
    ``per_address`` limits the requests to all hosts at the same IP address together (0: no limit).
    """

    per_host: int = 4
    delay: float = 0.25
    per_address: int = 0


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


class _AddressLoad(Generic[T]):
    """One IP address: its requests in flight, and the hosts that wait for a free slot there."""

    __slots__ = ("__weakref__", "active", "parked")

    def __init__(self) -> None:
        self.active = 0
        self.parked: list[_HostTurn[T]] = []


class _HostQueue(Generic[T]):
    """The waiting requests of one host, its limits and its requests in flight.

    ``turn`` is the number of its valid entry in the heap or at its address, or None. The first
    ``urgent`` of ``items`` may start even if the host is closed. ``items`` is a list because there
    are many hosts with few requests: an empty deque takes 760 bytes.
    """

    __slots__ = (
        "active",
        "address",
        "allowed",
        "closed",
        "items",
        "name",
        "policy",
        "turn",
        "urgent",
    )

    def __init__(self, name: str, policy: HostPolicy) -> None:
        self.name = name
        self.policy = policy
        self.items: list[T] = []
        self.urgent = 0
        self.active = 0
        self.allowed = 0.0
        self.closed = False
        self.turn: int | None = None
        self.address: _AddressLoad[T] | None = None

    @property
    def has_work(self) -> bool:
        return bool(self.urgent or (self.items and not self.closed))

    @property
    def is_idle(self) -> bool:
        return not (self.items or self.active or self.closed)

    @property
    def is_free(self) -> bool:
        return not self.policy.per_host or self.active < self.policy.per_host

    @property
    def has_address(self) -> bool:
        """Whether its IP address is below the limit."""
        limit = self.policy.per_address
        return not limit or self.address is None or self.address.active < limit

    def count(self, change: int) -> None:
        """``change`` more requests are in flight."""
        self.active += change
        if self.address is not None:
            self.address.active += change


_HostTurn = tuple[float, int, _HostQueue[T]]
"""When the host may start a request, the number of the turn (lower goes first), and the host."""


class Schedule(Generic[T]):
    """Requests of any type ``T``, by host. The first allowed starts first, so no host starves."""

    def __init__(
        self,
        policy: Callable[[str], HostPolicy],
        rate: float | None = None,
        standing: Callable[[str], Standing] = lambda _: Standing.ANSWERS,
        not_before: Callable[[str, HostPolicy], float] = lambda _, __: 0.0,
    ) -> None:
        """``policy`` is called for each new host, and again for a host that was forgotten.

        ``rate`` limits the requests per second to all hosts together. ``standing`` is called when
        ``next`` must be wary. ``not_before`` returns when a host may get its first request.
        """
        self._policy = policy
        self._not_before = not_before
        self._standing = standing
        self._interval = 1.0 / rate if rate else 0.0
        self._next_any = 0.0
        self._queues: dict[str, _HostQueue[T]] = {}
        self._addresses: WeakValueDictionary[str, _AddressLoad[T]] = WeakValueDictionary()
        self._heap: list[_HostTurn[T]] = []
        self._new: list[_HostTurn[T]] = []
        self._silent: list[_HostTurn[T]] = []
        self._idle: list[_HostTurn[T]] = []
        self._later: list[tuple[float, int, str, T, bool]] = []
        self._turns = itertools.count()
        self._now = 0.0
        self.waiting = 0

    def __repr__(self) -> str:
        return f"Schedule({self.waiting} waiting, {self.hosts} hosts)"

    @property
    def hosts(self) -> int:
        """Number of hosts with requests or with a delay that is not over."""
        return len(self._queues)

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

    def _choose(self, now: float, *, wary: bool) -> list[_HostTurn[T]] | None:
        """Return the heap whose first host starts the next request now, or None."""
        if not wary:
            if self._new or self._silent:
                self._end_passing()
            return self._heap if self._is_ready(self._heap, now) else None
        while self._is_ready(self._heap, now):
            standing = self._standing(self._heap[0][2].name)
            if standing is Standing.ANSWERS:
                return self._heap
            passed = self._new if standing is Standing.NEW else self._silent
            heapq.heappush(passed, heapq.heappop(self._heap))
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
            for _, turn, queue in self._heap
        )

    def _end_passing(self) -> None:
        """Let the hosts that were passed over wait among all others again."""
        for passed in (self._new, self._silent):
            for turn in passed:
                heapq.heappush(self._heap, turn)
            passed.clear()

    def _is_ready(self, heap: list[_HostTurn[T]], now: float) -> bool:
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
        heaps = (self._heap, self._new, silent)
        times = [max(heap[0][0], self._next_any) for heap in heaps if heap]
        times += [self._later[0][0]] if self._later else []
        return Wait(min(times, default=None), self.waiting > 0)

    def _take(self, queue: _HostQueue[T], now: float) -> None:
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
        self._add_turn(queue)

    def give_back(self, host: str, allowed: float) -> None:
        """Undo the last ``next``: its request is not sent. ``allowed`` is what it returned."""
        queue = self._queues[host]
        queue.allowed = allowed
        self._next_any -= self._interval
        self._free_slot(queue, allowed)
        self._renew_turn(queue)

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
            found = self._addresses[address] = _AddressLoad()
        if found is not queue.address:
            self._move(queue, found)
        return not queue.policy.per_address or found.active <= queue.policy.per_address

    def _move(self, queue: _HostQueue[T], found: _AddressLoad[T]) -> None:
        left, active = queue.address, queue.active
        queue.count(-active)
        queue.address = found
        queue.count(active)
        self._renew_turn(queue)
        self._forget_if_idle(queue, self._now)
        self._unpark(left, active + 1)

    def _queue_of(self, name: str) -> _HostQueue[T]:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _HostQueue(name, self._policy(name))
            queue.allowed = self._not_before(name, queue.policy)
        return queue

    def _add_turn(self, queue: _HostQueue[T]) -> None:
        if queue.turn is None and queue.has_work and queue.is_free:
            queue.turn = next(self._turns)
            since = max(queue.allowed, self._now)
            heapq.heappush(self._heap, (since, queue.turn, queue))

    def _renew_turn(self, queue: _HostQueue[T]) -> None:
        """Replace the turn, because its time or its address has changed."""
        queue.turn = None
        self._add_turn(queue)

    def _free_slot(self, queue: _HostQueue[T], now: float) -> None:
        queue.count(-1)
        self._forget_if_idle(queue, now)
        self._unpark(queue.address)

    def _unpark(self, address: _AddressLoad[T] | None, count: int = 1) -> None:
        """Move the first ``count`` hosts that are parked at ``address`` back to the heap."""
        while address is not None and address.parked and count:
            parked = heapq.heappop(address.parked)
            if parked[2].turn == parked[1]:
                heapq.heappush(self._heap, parked)
                count -= 1

    def _forget_if_idle(self, queue: _HostQueue[T], now: float) -> None:
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
