"""When which request may go: hosts in a heap by their next allowed time. Pure; ``now`` comes in.

A host is in the heap, or parked at its address, exactly when it has a request waiting and a free
place under its limit. A host that has to wait holds nothing but that; one that has nothing left to
do and no delay to sit out is forgotten.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec

T = TypeVar("T")


class HostPolicy(msgspec.Struct, frozen=True):
    """At most ``per_host`` requests at once (0: any number), ``delay`` seconds between them.

    The delay counts from the start of the request before, or from its end where only one may run.
    ``per_address`` is the same bound for all hosts together that are at this one's address.
    """

    per_host: int = 4
    delay: float = 0.25
    per_address: int = 0


class Wait(msgspec.Struct, frozen=True):
    """No request may go now. ``until`` is when to ask again, None: when something has changed.

    ``held`` is whether requests wait (for politeness) or there are none.
    """

    until: float | None
    held: bool


class _AddressLoad(Generic[T]):
    """What the hosts at one IP address share: requests under way, and who waits for a place."""

    __slots__ = ("__weakref__", "active", "parked")

    def __init__(self) -> None:
        self.active = 0
        self.parked: list[_HostTurn[T]] = []


class _HostQueue(Generic[T]):
    """``turn`` is the number of its valid place in the heap or at its address, if it has one.

    The first ``urgent`` of ``queue`` go although it is closed. A list, since hosts are many and
    their heads short: an empty deque alone takes 760 bytes.
    """

    __slots__ = (
        "active",
        "address",
        "allowed",
        "closed",
        "name",
        "policy",
        "queue",
        "turn",
        "urgent",
    )

    def __init__(self, name: str, policy: HostPolicy) -> None:
        self.name = name
        self.policy = policy
        self.queue: list[T] = []
        self.urgent = 0
        self.active = 0
        self.allowed = 0.0
        self.closed = False
        self.turn: int | None = None
        self.address: _AddressLoad[T] | None = None

    @property
    def has_work(self) -> bool:
        return bool(self.urgent or (self.queue and not self.closed))

    @property
    def is_idle(self) -> bool:
        return not (self.queue or self.active or self.closed)

    @property
    def is_free(self) -> bool:
        return not self.policy.per_host or self.active < self.policy.per_host

    @property
    def has_address(self) -> bool:
        """Whether one more request would find a place at its address."""
        limit = self.policy.per_address
        return not limit or self.address is None or self.address.active < limit

    def count(self, change: int) -> None:
        """``change`` more requests are under way."""
        self.active += change
        if self.address is not None:
            self.address.active += change


_HostTurn = tuple[float, int, _HostQueue[T]]
"""Since when a host may go, the number of its turn (who entered first goes first), and the host."""


class Schedule(Generic[T]):
    """Requests of any type ``T``, by host. Who could go first, goes first, so none starves."""

    def __init__(self, policy: Callable[[str], HostPolicy], rate: float | None = None) -> None:
        """``policy`` is asked for each host that comes up, again if it had been forgotten.

        ``rate`` bounds requests/s over all hosts.
        """
        self._policy = policy
        self._interval = 1.0 / rate if rate else 0.0
        self._next_any = 0.0
        self._hosts: dict[str, _HostQueue[T]] = {}
        self._addresses: WeakValueDictionary[str, _AddressLoad[T]] = WeakValueDictionary()
        self._heap: list[_HostTurn[T]] = []
        self._idle: list[_HostTurn[T]] = []
        self._later: list[tuple[float, int, str, T, bool]] = []
        self._turns = itertools.count()
        self._now = 0.0
        self.waiting = 0

    @property
    def hosts(self) -> int:
        """Hosts it remembers: those with requests, and those that have to wait."""
        return len(self._hosts)

    def queued(self, host: str) -> int:
        """Requests of ``host`` that were pushed, or whose time has come, and have not gone."""
        place = self._hosts.get(host)
        return len(place.queue) if place is not None else 0

    def push(self, host: str, item: T, *, first: bool = False, urgent: bool = False) -> None:
        """Queue ``item`` at its host, at the head if ``first``; even if closed if ``urgent``."""
        place = self._host(host)
        start, end = (0, place.urgent) if urgent else (place.urgent, len(place.queue))
        place.queue.insert(start if first else end, item)
        place.urgent += urgent
        self.waiting += 1
        self._enter(place)

    def push_later(self, host: str, item: T, at: float, *, urgent: bool = False) -> None:
        """Queue ``item`` at the head of its host once it is ``at``; it takes no place till then."""
        heapq.heappush(self._later, (at, next(self._turns), host, item, urgent))
        self.waiting += 1

    def next(self, now: float) -> tuple[float, T] | Wait:
        """The next request that may go, its place taken, and since when; or how long none may."""
        self._now = max(self._now, now)
        self._wake(now)
        self._forget(now)
        place = self._first(now)
        if place is None:
            return self._wait()
        since = max(heapq.heappop(self._heap)[0], self._next_any)
        place.turn = None
        item = place.queue.pop(0)
        place.urgent -= place.urgent > 0
        self._take(place, now)
        return since, item

    def _first(self, now: float) -> _HostQueue[T] | None:
        """The host at the top of the heap, if it may go now; who may not go at all leaves."""
        while self._heap and max(self._heap[0][0], self._next_any) <= now:
            since, turn, place = self._heap[0]
            if place.turn == turn and place.has_work and place.is_free and place.allowed <= since:
                if place.has_address:
                    return place
                assert place.address is not None
                heapq.heappush(place.address.parked, heapq.heappop(self._heap))
                continue
            heapq.heappop(self._heap)
            if place.turn == turn:
                self._re_enter(place)
            # It may have been called for a place at its address that it does not take now.
            self._call(place.address)
        return None

    def _wait(self) -> Wait:
        times = [max(self._heap[0][0], self._next_any)] if self._heap else []
        times += [self._later[0][0]] if self._later else []
        return Wait(min(times, default=None), self.waiting > 0)

    def _take(self, place: _HostQueue[T], now: float) -> None:
        self.waiting -= 1
        place.count(1)
        if place.policy.per_host != 1:
            place.allowed = now + place.policy.delay
        if self._interval:
            self._next_any = max(now, self._next_any) + self._interval
        self._enter(place)

    def release(self, host: str, now: float) -> None:
        """A request that ``next`` gave out has ended."""
        self._now = max(self._now, now)
        place = self._hosts[host]
        if place.policy.per_host == 1:
            place.allowed = max(place.allowed, now + place.policy.delay)
        self._free(place, now)
        self._enter(place)

    def give_back(self, host: str, allowed: float) -> None:
        """What ``next`` has just given out is not made: the host is free again as it was."""
        place = self._hosts[host]
        place.allowed = allowed
        self._free(place, allowed)
        self._re_enter(place)

    def hold(self, host: str, until: float) -> None:
        """Nothing of ``host`` goes before ``until``, be it urgent or not (a Retry-After)."""
        place = self._host(host)
        place.allowed = max(place.allowed, until)
        self._settle(place, self._now)

    def close(self, host: str) -> None:
        """Give out only what is urgent of ``host`` until it is opened again."""
        self._host(host).closed = True

    def open(self, host: str) -> None:
        place = self._host(host)
        place.closed = False
        self._enter(place)
        self._settle(place, self._now)

    def set_policy(self, host: str, policy: HostPolicy) -> None:
        """From now on ``policy`` holds for ``host``, as long as the host is remembered.

        Its ``per_address`` has to stay what it was.
        """
        place = self._host(host)
        place.policy = policy
        self._enter(place)
        self._settle(place, self._now)

    def set_address(self, host: str, address: str) -> bool:
        """``host`` was found at ``address``; to be said for every request, and costs nothing then.

        False where more requests are now under way to the address than may be: then the one that
        was about to be made is to be pushed again and released.
        """
        place = self._host(host)
        found = self._addresses.get(address)
        if found is None:
            found = self._addresses[address] = _AddressLoad()
        if found is not place.address:
            self._move(place, found)
        return not place.policy.per_address or found.active <= place.policy.per_address

    def _move(self, place: _HostQueue[T], found: _AddressLoad[T]) -> None:
        left, active = place.address, place.active
        place.count(-active)
        place.address = found
        place.count(active)
        self._re_enter(place)
        self._settle(place, self._now)
        self._call(left, active + 1)

    def _host(self, name: str) -> _HostQueue[T]:
        place = self._hosts.get(name)
        if place is None:
            place = self._hosts[name] = _HostQueue(name, self._policy(name))
        return place

    def _enter(self, place: _HostQueue[T]) -> None:
        if place.turn is None and place.has_work and place.is_free:
            place.turn = next(self._turns)
            since = max(place.allowed, self._now)
            heapq.heappush(self._heap, (since, place.turn, place))

    def _re_enter(self, place: _HostQueue[T]) -> None:
        """Enter anew: what its turn was given for has changed."""
        place.turn = None
        self._enter(place)

    def _free(self, place: _HostQueue[T], now: float) -> None:
        place.count(-1)
        self._settle(place, now)
        self._call(place.address)

    def _call(self, address: _AddressLoad[T] | None, count: int = 1) -> None:
        """Let the first ``count`` that are parked at ``address`` try again."""
        while address is not None and address.parked and count:
            parked = heapq.heappop(address.parked)
            if parked[2].turn == parked[1]:
                heapq.heappush(self._heap, parked)
                count -= 1

    def _settle(self, place: _HostQueue[T], now: float) -> None:
        """Forget the host if nothing is left of it, or see to it that this is done in time."""
        if not place.is_idle:
            return
        if place.allowed > now:
            heapq.heappush(self._idle, (place.allowed, next(self._turns), place))
        elif self._hosts.get(place.name) is place:
            del self._hosts[place.name]

    def _forget(self, now: float) -> None:
        while self._idle and self._idle[0][0] <= now:
            self._settle(heapq.heappop(self._idle)[2], now)

    def _wake(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, _, host, item, urgent = heapq.heappop(self._later)
            self.waiting -= 1
            self.push(host, item, first=True, urgent=urgent)
