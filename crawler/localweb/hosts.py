"""The hosts of a mocked web: their pretended addresses, and where they really are."""

import asyncio
import threading
import time
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv4Address
from itertools import count

import msgspec

from crawler.fetch.addresses import Addresses, AddressRules, Tell, is_local_name, literal
from crawler.fetch.dns import SystemResolver
from crawler.localweb.faults import SLOW_SECONDS, Fault
from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.exchange import Endpoint

_FIRST, _LAST = int(IPv4Address("127.1.0.0")), int(IPv4Address("127.254.255.255"))


class MockHost(msgspec.Struct):
    """A host, or one port of it. Rules check ``address``; connections go to ``dial``."""

    name: str
    address: str
    dial: str
    fault: Fault | None = None


Door = Callable[[MockHost], tuple[str, int]]
"""Host → the address and port of this machine that serves it."""


class Hosts:
    """The hosts of the web; with ``every``, every requested host exists. Thread-safe."""

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
        """Add the host ``name``, or its ``port`` as a host of its own; None keeps earlier values.

        Raises UsageError for an invalid address.
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
        """The host at a loopback address; of several hosts, the first."""
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
        """An address that no other host has, the same in every run."""
        start = int.from_bytes(blake2b(place.encode(), digest_size=4).digest())
        room = _LAST - _FIRST + 1
        dials = (str(IPv4Address(_FIRST + (start + n) % room)) for n in count())
        return next(dial for dial in dials if dial not in self._by_dial)


class MockResolver(SystemResolver):
    """Caches and checks like its base, but looks up names only in the hosts of a mocked web.

    Appends each name that is looked up to ``lookups``.
    """

    def __init__(self, rules: AddressRules, hosts: Hosts, door: Door, lookups: list[str]) -> None:
        super().__init__(rules)
        self._hosts, self._door, self._lookups = hosts, door, lookups

    def cached(self, host: str, port: int) -> Endpoint | None:
        known, found = super().cached(host, port), self._hosts.find(host, port)
        return None if known is None or found is None else self._dialled(known, found)

    def prepare(self, host: str, port: int, at_once: int) -> None:
        """Do nothing: ``lookups`` are those that requests need."""

    async def resolve(self, host: str, port: int) -> Endpoint:
        """Raises also FetchError (connect) for a literal address that is not of this web."""
        known, found = await super().resolve(host, port), self._hosts.find(host, port)
        if found is None:
            message = f"{host} is not part of the mocked web"
            raise FetchError(FailureKind.CONNECT, message, answered=True)
        return self._dialled(known, found)

    def _dialled(self, known: Endpoint, host: MockHost) -> Endpoint:
        dial, port = self._door(host)
        return Endpoint(known.address, dial, port, known.lookup_s)

    def _ask(self, host: str, tell: Tell) -> None:
        address = literal(host)
        if address is not None:  # the rules check it first, as on the real network
            tell(Addresses((str(address),)))
            return
        self._lookups.append(host)
        found = self._hosts.named(host)
        if found is None:
            message = f"{host} is not part of the mocked web"
            tell(FetchError(FailureKind.DNS, message, answered=True))
        elif found.fault is Fault.NO_DNS:
            tell(FetchError(FailureKind.DNS, f"{host} has no address", answered=True))
        elif found.fault is Fault.SLOW_DNS:
            _tell_later(tell, found.address)
        else:
            tell(Addresses((found.address,)))


def _tell_later(tell: Tell, address: str) -> None:
    asked = time.monotonic()

    def answer() -> None:
        tell(Addresses((address,), asked=asked, answered=time.monotonic()))

    asyncio.get_running_loop().call_later(SLOW_SECONDS, answer)


def _own_address(name: str, dial: str) -> str:
    """The default address of a host: a public address of its own."""
    if literal(name) is not None:
        return name
    return "127.0.0.1" if is_local_name(name) else f"11.{dial.partition('.')[2]}"


def _checked(address: str, *, loopback: bool = False) -> str:
    found = literal(address)
    if found is None:
        raise UsageError(f"{address!r} is not an IP address")
    if loopback and not (isinstance(found, IPv4Address) and found.is_loopback):
        raise UsageError(f"{address!r} is not in 127.0.0.0/8; nothing may leave this machine")
    return address
