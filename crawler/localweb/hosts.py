"""The hosts of a mocked web: the addresses they pretend to have, and where they really are."""

import asyncio
import threading
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv4Address
from itertools import count

import msgspec

from crawler.fetch.addresses import AddressRules, is_local_name, literal
from crawler.fetch.dns import SystemResolver
from crawler.localweb.faults import SLOW_SECONDS, Fault
from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.exchange import Endpoint

_FIRST, _LAST = int(IPv4Address("127.1.0.0")), int(IPv4Address("127.254.255.255"))
_FOREVER = float("inf")


class MockHost(msgspec.Struct):
    """A host, or one port of it. Rules judge ``address``; connections go to ``dial``."""

    name: str
    address: str
    dial: str
    fault: Fault | None = None


Door = Callable[[MockHost], tuple[str, int]]
"""Address and port of this machine at which a host is reached."""


class Hosts:
    """Who there is; with ``every`` it is everybody who is asked for. For any thread."""

    def __init__(self, *, every: bool) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._hosts: dict[tuple[str, int | None], MockHost] = {}
        self._by_dial: dict[str, MockHost] = {}

    def declare(
        self,
        name: str,
        port: int | None = None,
        address: str | None = None,
        dial: str | None = None,
    ) -> MockHost:
        """Let there be ``name``, and ``port`` of it as one of its own; None leaves what was said.

        Raises UsageError for an address that is none.
        """
        with self._lock:
            if port is None:
                return self._declare(name, None, address, dial)
            self._declare(name, None, address, None)
            return self._declare(name, port, address, dial)

    def find(self, name: str, port: int) -> MockHost | None:
        return self._hosts.get((name, port)) or self.named(name)

    def named(self, name: str) -> MockHost | None:
        host = self._hosts.get((name, None))
        if host is None and self._every:
            with self._lock:
                return self._declare(name, None, None, None)
        return host

    def at(self, dial: str) -> MockHost | None:
        """Who is at a loopback address; of several, the first."""
        return self._by_dial.get(dial)

    def _declare(
        self, name: str, port: int | None, address: str | None, dial: str | None
    ) -> MockHost:
        host = self._hosts.get((name, port))
        if host is None:
            free = self._free_dial(name if port is None else f"{name}:{port}")
            host = self._hosts[name, port] = MockHost(name, _own_address(name, free), free)
        if address is not None:
            host.address = _checked(address)
        if dial is not None:
            host.dial = _checked(dial, loopback=True)
        self._by_dial.setdefault(host.dial, host)
        return host

    def _free_dial(self, place: str) -> str:
        """One that nobody else has, the same in every run."""
        start = int.from_bytes(blake2b(place.encode(), digest_size=4).digest())
        room = _LAST - _FIRST + 1
        dials = (str(IPv4Address(_FIRST + (start + n) % room)) for n in count())
        return next(dial for dial in dials if dial not in self._by_dial)


class MockResolver(SystemResolver):
    """Caches and judges as ever, but knows the hosts of a mocked web and asks nobody else.

    Each name that is looked up is noted in ``lookups``.
    """

    def __init__(self, rules: AddressRules, hosts: Hosts, door: Door, lookups: list[str]) -> None:
        super().__init__(rules)
        self._hosts, self._door, self._lookups = hosts, door, lookups

    def cached(self, host: str, port: int) -> Endpoint | None:
        known, there = super().cached(host, port), self._hosts.find(host, port)
        return None if known is None or there is None else self._dialled(known, there)

    async def resolve(self, host: str, port: int) -> Endpoint:
        """A literal address that is not of this web: FetchError (connect)."""
        known, there = await super().resolve(host, port), self._hosts.find(host, port)
        if there is None:
            raise FetchError(FailureKind.CONNECT, f"{host} is not part of the mocked web")
        return self._dialled(known, there)

    def _dialled(self, known: Endpoint, host: MockHost) -> Endpoint:
        dial, port = self._door(host)
        return Endpoint(known.address, dial, port, known.lookup_s)

    async def _address(self, host: str) -> tuple[str, float]:
        address = literal(host)
        if address is not None:  # first to be judged, as it would be outside
            return str(address), _FOREVER
        self._lookups.append(host)
        there = self._hosts.named(host)
        if there is None:
            raise FetchError(
                FailureKind.DNS, f"{host} is not part of the mocked web, which is all there is"
            )
        if there.fault is Fault.NO_DNS:
            raise FetchError(FailureKind.DNS, f"{host} has no address")
        if there.fault is Fault.SLOW_DNS:
            await asyncio.sleep(SLOW_SECONDS)
        return there.address, _FOREVER


def _own_address(name: str, dial: str) -> str:
    """What DNS says of a host of which nothing else was said: a public address, its own."""
    if literal(name) is not None:
        return name
    return "127.0.0.1" if is_local_name(name) else f"11.{dial.partition('.')[2]}"


def _checked(address: str, *, loopback: bool = False) -> str:
    found = literal(address)
    if found is None:
        raise UsageError(f"{address!r} is no address")
    if loopback and not (isinstance(found, IPv4Address) and found.is_loopback):
        raise UsageError(f"{address!r} is not of 127.0.0.0/8: nothing may leave this machine")
    return address
