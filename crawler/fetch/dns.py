"""Looks up host names on the real network, in DNS and the hosts file, with a cache."""

import asyncio
import socket
import time
from collections import OrderedDict

import msgspec

from crawler.fetch.addresses import AddressRules, is_local_name, literal
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint

CACHED_NAMES = 10_000
_RESERVED = ".invalid"
SHORTEST_TTL = 10
"""Seconds to cache a result, at least, even if its time to live is shorter."""


class _Known(msgspec.Struct, frozen=True):
    endpoint: Endpoint
    until: float


class SystemResolver:
    """DNS and the hosts file, by c-ares; literal addresses need no look-up."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._known: OrderedDict[tuple[str, int], _Known] = OrderedDict()
        self._running: dict[tuple[str, int], asyncio.Task[Endpoint]] = {}
        self._dns: _Dns | None = None

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
        endpoint = await asyncio.shield(task)
        spent = 0.0 if literal(host) else time.monotonic() - started
        return msgspec.structs.replace(endpoint, lookup_s=spent)

    async def _look_up(self, host: str, port: int) -> Endpoint:
        address, ttl = await self._address(host)
        self._rules.check(host, port, address)
        endpoint = Endpoint(address, address, port)
        self._known[host, port] = _Known(endpoint, time.monotonic() + max(ttl, SHORTEST_TTL))
        while len(self._known) > CACHED_NAMES:
            self._known.popitem(last=False)
        return endpoint

    async def _address(self, host: str) -> tuple[str, float]:
        address = literal(host)
        if address is not None:
            return str(address), float("inf")
        if is_local_name(host):
            return "127.0.0.1", float("inf")
        if f".{host.rstrip('.')}".endswith(_RESERVED):
            # RFC 6761 §6.4: it does not exist, and no name server is asked.
            raise FetchError(FailureKind.DNS, f"{host}: no such name", answered=True)
        if self._dns is None:
            self._dns = _Dns()
        return await self._dns.look_up(host)

    async def close(self) -> None:
        for task in list(self._running.values()):
            task.cancel()
        if self._dns is not None:
            await self._dns.close()
            self._dns = None


class _Dns:
    """c-ares; imported only when a name must be looked up."""

    def __init__(self) -> None:
        import aiodns

        self._error = aiodns.error.DNSError
        self._answers = (aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA)
        self._resolver = aiodns.DNSResolver(timeout=5, tries=2)

    async def look_up(self, host: str) -> tuple[str, float]:
        """Return the first address, IPv4 before IPv6, and its time to live in seconds."""
        try:
            found = await self._resolver.getaddrinfo(host, type=socket.SOCK_STREAM)
        except self._error as error:
            answered = error.args[0] in self._answers
            raise FetchError(
                FailureKind.DNS, f"{host}: {error.args[-1]}", answered=answered
            ) from None
        nodes = sorted(found.nodes, key=lambda node: node.family != socket.AF_INET)
        if not nodes:
            raise FetchError(FailureKind.DNS, f"{host} has no address", answered=True)
        name = nodes[0].addr[0]
        return (name.decode() if isinstance(name, bytes) else str(name)), float(nodes[0].ttl)

    async def close(self) -> None:
        await self._resolver.close()
