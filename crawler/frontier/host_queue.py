"""The state of one host in the schedule: its waiting requests, its limits, its IP address."""

from typing import Generic, TypeVar

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


class AddressLoad(Generic[T]):
    """One IP address: its requests in flight, and the hosts that wait for a free slot there."""

    __slots__ = ("__weakref__", "active", "parked")

    def __init__(self) -> None:
        self.active = 0
        self.parked: list[HostTurn[T]] = []


class HostQueue(Generic[T]):
    """The waiting requests of one host, its limits and its requests in flight.

    ``turn`` is the number of its valid entry in a heap or at its address, or None. The first
    ``urgent`` of ``items`` may start even if the host is closed. ``preferences`` is how often it
    may still be preferred. ``items`` is a list because there are many hosts with few requests: an
    empty deque takes 760 bytes.
    """

    __slots__ = (
        "active",
        "address",
        "allowed",
        "closed",
        "items",
        "name",
        "policy",
        "preferences",
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
        self.preferences = 0
        self.turn: int | None = None
        self.address: AddressLoad[T] | None = None

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


HostTurn = tuple[float, int, HostQueue[T]]
"""When the host may start a request, the number of the turn (lower goes first), and the host."""
