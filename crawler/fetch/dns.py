"""Looks up host names on the real network, in DNS and the hosts file, with a cache."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from crawler.fetch.addresses import LOOPBACK, Addresses, AddressRules, is_local_name, literal
from crawler.fetch.lookup import NameServers
from crawler.fetch.tries import FailedAddresses
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint

CACHED_NAMES = 10_000
_RESERVED = ".invalid"
SHORTEST_TTL = 10
"""Seconds to cache a result, at least, even if its time to live is shorter."""


class _Known(msgspec.Struct, frozen=True):
    endpoint: Endpoint
    until: float


class _Located(NamedTuple):
    """Where a name leads, and when the question was sent and answered (monotonic seconds)."""

    endpoint: Endpoint
    asked: float
    answered: float

    def wait(self, since: float) -> float:
        """Seconds that a request waited that has wanted to know it ``since`` then."""
        return max(0.0, self.answered - max(self.asked, since))


class SystemResolver:
    """DNS and the hosts file, by c-ares; literal addresses need no look-up."""

    def __init__(self, rules: AddressRules, nameservers: Sequence[str] = ()) -> None:
        """``nameservers`` (``ADDRESS:PORT``) replace those of the system."""
        self._rules = rules
        self._names = NameServers(nameservers)
        self._known: OrderedDict[tuple[str, int], _Known] = OrderedDict()
        self._failed = FailedAddresses()
        self._running: dict[tuple[str, int], asyncio.Task[_Located]] = {}

    def cached(self, host: str, port: int) -> Endpoint | None:
        known = self._known.get((host, port))
        if known is None or known.until < time.monotonic():
            return None
        return known.endpoint

    async def resolve(self, host: str, port: int) -> Endpoint:
        known = self.cached(host, port)
        if known is not None:
            return known
        started = time.monotonic()
        task = self._running.get((host, port))
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look_up(host, port))
            self._running[host, port] = task
            task.add_done_callback(lambda _: self._running.pop((host, port)))
        located = await asyncio.shield(task)
        return msgspec.structs.replace(located.endpoint, lookup_s=located.wait(started))

    async def _look_up(self, host: str, port: int) -> _Located:
        found = await self._addresses(host)
        endpoint = self._endpoint(self._rules.allowed(host, port, found.addresses), port)
        until = time.monotonic() + max(found.ttl, SHORTEST_TTL)
        self._known[host, port] = _Known(endpoint, until)
        while len(self._known) > CACHED_NAMES:
            self._known.popitem(last=False)
        return _Located(endpoint, found.asked, found.answered)

    def _endpoint(self, addresses: tuple[str, ...], port: int) -> Endpoint:
        first, *others = self._failed.last(addresses)
        rest = tuple(Endpoint(each, each, port) for each in others)
        return Endpoint(first, first, port, others=rest)

    def unreachable(self, host: str, port: int, endpoint: Endpoint) -> None:
        self._failed.add(endpoint.address)
        known = self._known.get((host, port))
        if known is not None:
            offered = (known.endpoint, *known.endpoint.others)
            again = self._endpoint(tuple(each.address for each in offered), port)
            self._known[host, port] = _Known(again, known.until)

    async def _addresses(self, host: str) -> Addresses:
        address = literal(host)
        if address is not None:
            return Addresses((str(address),))
        if is_local_name(host):
            return Addresses(LOOPBACK)
        if f".{host.rstrip('.')}".endswith(_RESERVED):
            # RFC 6761 §6.4: it does not exist, and no name server is asked.
            raise FetchError(FailureKind.DNS, f"{host}: no such name", answered=True)
        return await self._names.look_up(host)

    async def close(self) -> None:
        for task in list(self._running.values()):
            task.cancel()
        self._names.close()
