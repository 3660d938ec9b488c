"""Looks up host names on the real network, in DNS and the hosts file, with a cache."""

import asyncio
import time
from collections import OrderedDict, deque
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
PREPARED_NAMES = 1_000
"""Names that wait to be looked up ahead; what is not needed soon is looked up when it is."""
_RESERVED = ".invalid"
SHORTEST_TTL = 10
"""Seconds to cache a result, at least, even if its time to live is shorter."""

_Asked = tuple[str, int]
"""The host and the port that a request needs."""


class _Known(msgspec.Struct, frozen=True):
    """What was found; ``lookup_s`` is how long the first request that needs it has waited for it.

    An error is only kept for that request, if there was none when it was found.
    """

    found: Endpoint | FetchError | SkipError
    until: float
    lookup_s: float = 0.0


class _Waiting(NamedTuple):
    """A request that waits for a look-up ``since`` then (monotonic seconds)."""

    since: float
    located: "asyncio.Future[Endpoint]"


class SystemResolver:
    """DNS and the hosts file, by c-ares; literal addresses need no look-up."""

    def __init__(self, rules: AddressRules, nameservers: Sequence[str] = ()) -> None:
        """``nameservers`` (``ADDRESS:PORT``) replace those of the system."""
        self._rules = rules
        self._names = NameServers(nameservers)
        self._known: OrderedDict[_Asked, _Known] = OrderedDict()
        self._failed = FailedAddresses()
        self._running: dict[_Asked, list[_Waiting]] = {}
        self._next: deque[_Asked] = deque(maxlen=PREPARED_NAMES)
        self._at_once = 0

    def cached(self, host: str, port: int) -> Endpoint | None:
        known = self._known_now((host, port))
        if known is None or not isinstance(known.found, Endpoint):
            return None
        if not known.lookup_s:
            return known.found
        self._known[host, port] = _Known(known.found, known.until)
        return msgspec.structs.replace(known.found, lookup_s=known.lookup_s)

    def _known_now(self, place: _Asked) -> _Known | None:
        known = self._known.get(place)
        return None if known is None or known.until < time.monotonic() else known

    def prepare(self, host: str, port: int, at_once: int) -> None:
        place = host, port
        if place in self._known or place in self._running or _without_asking(host) is not None:
            return
        self._next.append(place)
        self._at_once = at_once
        self._look_ahead()

    def _look_ahead(self) -> None:
        while self._next and len(self._running) < self._at_once:
            place = self._next.popleft()
            if place not in self._running and place not in self._known:
                self._running[place] = []
                self._ask(place[0], partial(self._found, place))

    async def resolve(self, host: str, port: int) -> Endpoint:
        found = self.cached(host, port)
        if found is not None:
            return found
        place = host, port
        failed = self._known_now(place)
        if failed is not None and not isinstance(failed.found, Endpoint):
            del self._known[place]
            raise failed.found
        is_new, waiting = place not in self._running, self._running.setdefault(place, [])
        # The first one has waited for all of it, even if it was looked up ahead.
        since = time.monotonic() if waiting else 0.0
        located: asyncio.Future[Endpoint] = asyncio.get_running_loop().create_future()
        waiting.append(_Waiting(since, located))
        if is_new:
            self._ask(host, partial(self._found, place))
        return await located

    def _ask(self, host: str, tell: Tell) -> None:
        """Call ``tell`` with what is found for ``host``, now or later."""
        found = _without_asking(host)
        if found is None:
            self._names.ask(host, tell)
        else:
            tell(found)

    def _found(self, place: _Asked, found: Addresses | FetchError) -> None:
        """Tell the requests that wait for it and were not cancelled."""
        waiting = self._running.pop(place, [])
        try:
            if isinstance(found, FetchError):
                raise found
            endpoint = self._endpoint(self._rules.allowed(*place, found.addresses), place[1])
        except (FetchError, SkipError) as error:
            if not waiting:
                self._keep(place, _Known(error, time.monotonic() + SHORTEST_TTL))
            for each in waiting:
                if not each.located.done():
                    each.located.set_exception(error)
        else:
            self._located(place, endpoint, found, waiting)
        self._look_ahead()

    def _located(
        self, place: _Asked, endpoint: Endpoint, found: Addresses, waiting: Sequence[_Waiting]
    ) -> None:
        until = time.monotonic() + max(found.ttl, SHORTEST_TTL)
        self._keep(place, _Known(endpoint, until, 0.0 if waiting else found.wait()))
        for each in waiting:
            if not each.located.done():
                wait = found.wait(each.since)
                each.located.set_result(msgspec.structs.replace(endpoint, lookup_s=wait))

    def _keep(self, place: _Asked, known: _Known) -> None:
        self._known[place] = known
        while len(self._known) > CACHED_NAMES:
            self._known.popitem(last=False)

    def _endpoint(self, addresses: tuple[str, ...], port: int) -> Endpoint:
        first, *others = self._failed.last(addresses)
        rest = tuple(Endpoint(each, each, port) for each in others)
        return Endpoint(first, first, port, others=rest)

    def unreachable(self, host: str, port: int, endpoint: Endpoint) -> None:
        self._failed.add(endpoint.address)
        known = self._known.get((host, port))
        if known is not None and isinstance(known.found, Endpoint):
            offered = (known.found, *known.found.others)
            again = self._endpoint(tuple(each.address for each in offered), port)
            self._known[host, port] = _Known(again, known.until, known.lookup_s)

    async def close(self) -> None:
        self._names.close()
        self._next.clear()
        for waiting in self._running.values():
            for each in waiting:
                each.located.cancel()
        self._running.clear()


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
