"""Looks up host names on the real network, in DNS and the hosts file, with a cache."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from crawler.fetch.addresses import (
    LOOPBACK,
    Addresses,
    AddressRules,
    Tell,
    is_local_name,
    literal,
)
from crawler.fetch.lookup import NameServers
from crawler.fetch.tries import FailedAddresses
from crawler.model.errors import FailureKind, FetchError, SkipError
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
        self._waiting: dict[tuple[str, int], list[asyncio.Future[_Located]]] = {}

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
        located: asyncio.Future[_Located] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault((host, port), [])
        waiting.append(located)
        if len(waiting) == 1:
            self._ask(host, partial(self._found, host, port))
        found = await located
        return msgspec.structs.replace(found.endpoint, lookup_s=found.wait(started))

    def _ask(self, host: str, tell: Tell) -> None:
        """Call ``tell`` with what is found for ``host``, now or later."""
        found = _without_asking(host)
        if found is None:
            self._names.ask(host, tell)
        else:
            tell(found)

    def _found(self, host: str, port: int, found: Addresses | FetchError) -> None:
        """Tell those who wait for it and were not cancelled."""
        asked = self._waiting.pop((host, port), ())  # none are left after ``close``
        waiting = [each for each in asked if not each.done()]
        try:
            located = self._locate(host, port, found)
        except (FetchError, SkipError) as error:
            for each in waiting:
                each.set_exception(error)
        else:
            for each in waiting:
                each.set_result(located)

    def _locate(self, host: str, port: int, found: Addresses | FetchError) -> _Located:
        if isinstance(found, FetchError):
            raise found
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

    async def close(self) -> None:
        self._names.close()
        for waiting in self._waiting.values():
            for each in waiting:
                each.cancel()
        self._waiting.clear()


def _without_asking(host: str) -> Addresses | FetchError | None:
    """Return where ``host`` leads if no name server must be asked, else None."""
    address = literal(host)
    if address is not None:
        return Addresses((str(address),))
    if is_local_name(host):
        return Addresses(LOOPBACK)
    if f".{host.rstrip('.')}".endswith(_RESERVED):
        # RFC 6761 §6.4: it does not exist, and no name server is asked.
        return FetchError(FailureKind.DNS, f"{host}: no such name", answered=True)
    return None
