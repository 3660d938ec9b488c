"""When which request may go: hosts in a heap by their next allowed time. Pure; ``now`` comes in.

A host is in the heap exactly when it has a request waiting and a free place under its limit. A host
that has to wait holds nothing but its place in the heap.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class HostPolicy(msgspec.Struct, frozen=True):
    """At most ``per_host`` requests at once (0: any number), ``delay`` seconds between them.

    The delay counts from the start of the request before, or from its end where only one may run.
    """

    per_host: int = 4
    delay: float = 0.25


class Wait(msgspec.Struct, frozen=True):
    """No request may go now. ``until`` is when to ask again, None: when something has changed.

    ``held`` is whether requests wait (for politeness) or there are none.
    """

    until: float | None
    held: bool


class _Host(Generic[T]):
    __slots__ = ("active", "allowed", "closed", "name", "policy", "queue", "queued", "urgent")

    def __init__(self, name: str, policy: HostPolicy) -> None:
        self.name = name
        self.policy = policy
        self.urgent: deque[T] = deque()
        self.queue: deque[T] = deque()
        self.active = 0
        self.allowed = 0.0
        self.closed = False
        self.queued = False

    @property
    def has_work(self) -> bool:
        return bool(self.urgent or (self.queue and not self.closed))

    @property
    def is_free(self) -> bool:
        return not self.policy.per_host or self.active < self.policy.per_host


class Schedule(Generic[T]):
    """Requests of any type ``T``, by host. Equal hosts take turns."""

    def __init__(self, policy: Callable[[str], HostPolicy], rate: float | None = None) -> None:
        """``policy`` is asked once for each host; ``rate`` bounds requests/s over all hosts."""
        self._policy = policy
        self._interval = 1.0 / rate if rate else 0.0
        self._next_any = 0.0
        self._hosts: dict[str, _Host[T]] = {}
        self._heap: list[tuple[float, int, _Host[T]]] = []
        self._later: list[tuple[float, int, str, T, bool]] = []
        self._turn = itertools.count()
        self.waiting = 0

    def push(self, host: str, item: T, *, first: bool = False, urgent: bool = False) -> None:
        """Queue ``item`` at its host, at the head if ``first``; even if closed if ``urgent``."""
        place = self._host(host)
        queue = place.urgent if urgent else place.queue
        (queue.appendleft if first else queue.append)(item)
        self.waiting += 1
        self._enter(place)

    def push_later(self, host: str, item: T, at: float, *, urgent: bool = False) -> None:
        """Queue ``item`` at the head of its host once it is ``at``; it takes no place till then."""
        heapq.heappush(self._later, (at, next(self._turn), host, item, urgent))
        self.waiting += 1

    def next(self, now: float) -> tuple[float, T] | Wait:
        """The next request that may go, its place taken, and since when; or how long none may."""
        self._wake(now)
        while self._heap and not self._heap[0][2].has_work:
            heapq.heappop(self._heap)[2].queued = False
        if not self._heap:
            return Wait(self._later[0][0] if self._later else None, self.waiting > 0)
        allowed = max(self._heap[0][0], self._next_any)
        if allowed > now:
            return Wait(min(allowed, self._later[0][0]) if self._later else allowed, True)
        place = heapq.heappop(self._heap)[2]
        place.queued = False
        item = (place.urgent or place.queue).popleft()
        self._take(place, now)
        return allowed, item

    def _take(self, place: _Host[T], now: float) -> None:
        self.waiting -= 1
        place.active += 1
        if place.policy.per_host != 1:
            place.allowed = now + place.policy.delay
        if self._interval:
            self._next_any = max(now, self._next_any) + self._interval
        self._enter(place)

    def release(self, host: str, now: float) -> None:
        """A request that ``next`` gave out has ended."""
        place = self._hosts[host]
        place.active -= 1
        if place.policy.per_host == 1:
            place.allowed = now + place.policy.delay
        self._settle(place, now)

    def give_back(self, host: str, allowed: float) -> None:
        """A request that ``next`` gave out was not made: the host is free again as it was."""
        place = self._hosts[host]
        place.active -= 1
        place.allowed = allowed
        self._settle(place, allowed)

    def _settle(self, place: _Host[T], now: float) -> None:
        if place.active or place.has_work or place.closed or place.allowed > now:
            self._enter(place)
        else:
            del self._hosts[place.name]

    def close(self, host: str) -> None:
        """Give out only what is urgent of ``host`` until it is opened again."""
        self._host(host).closed = True

    def open(self, host: str) -> None:
        place = self._host(host)
        place.closed = False
        self._enter(place)

    def set_policy(self, host: str, policy: HostPolicy) -> None:
        """From now on ``policy`` holds for ``host``."""
        self._host(host).policy = policy

    def _host(self, name: str) -> _Host[T]:
        place = self._hosts.get(name)
        if place is None:
            place = self._hosts[name] = _Host(name, self._policy(name))
        return place

    def _enter(self, place: _Host[T]) -> None:
        if not place.queued and place.has_work and place.is_free:
            place.queued = True
            heapq.heappush(self._heap, (place.allowed, next(self._turn), place))

    def _wake(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, _, host, item, urgent = heapq.heappop(self._later)
            self.waiting -= 1
            self.push(host, item, first=True, urgent=urgent)
