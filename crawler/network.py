"""Names → addresses, once for all engines: looked up, judged and cached here.

The resolver is also the seam at which the network is mocked: whoever hands a crawl another
``Network`` decides where every connection of every engine goes.
"""

import asyncio
import ipaddress
import os
import socket
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import msgspec

from crawler.errors import FetchError, Kind, Skip, SkipError, UsageError
from crawler.model import Endpoint

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network

CACHED_NAMES = 10_000
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is given out so far; what else Python takes for global is of no use or of the past."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
SHORTEST_TTL = 10
"""Seconds an answer is kept at least, though a name server said less."""


class Resolver(Protocol):
    """Where connections go. ``close`` may be called more than once."""

    def cached(self, host: str, port: int) -> Endpoint | None:
        """The endpoint, if it is known without waiting."""
        ...

    async def resolve(self, host: str, port: int) -> Endpoint:
        """Raises FetchError (dns) or SkipError (blocked)."""
        ...

    async def close(self) -> None: ...


def literal(host: str) -> Address | None:
    """The address that ``host`` (of a canonical URL) spells, or None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_local_name(host: str) -> bool:
    """RFC 6761 §6.3: ``localhost`` and names below it are loopback."""
    return host == "localhost" or host.endswith(".localhost")


class AddressRules:
    """Which addresses may be connected to: all public ones, and what the user named.

    The input names a host and port by a literal address or ``localhost``; ``allow`` adds hosts and
    networks (``--allow-private``).
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Subnet] = []
        self._named: set[tuple[str, int]] = set()
        for item in allow:
            self._allow(item)

    def _allow(self, item: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(item.strip("[]")))
        except ValueError:
            if "/" in item or not item:
                raise UsageError(
                    f"allow_private: {item!r} is neither a host nor a network"
                ) from None
            self._hosts.add(item.lower())

    def name(self, host: str, port: int) -> bool:
        """The input has a URL of ``host:port``; whether that gives it a right it had not."""
        if (host, port) in self._named:
            return False
        if not is_local_name(host) and literal(host) is None:
            return False
        self._named.add((host, port))
        return True

    def is_named_loopback(self, host: str, port: int) -> bool:
        address = literal(host)
        local = is_local_name(host) if address is None else address.is_loopback
        return local and (host, port) in self._named

    def check(self, host: str, port: int, address: str) -> None:
        """Raises SkipError (blocked) where ``host:port`` must not be reached at ``address``."""
        judged = _meant(ipaddress.ip_address(address))
        if _is_public(judged):
            return
        if (host, port) in self._named or host in self._hosts:
            return
        if any(judged in network for network in self._networks):
            return
        raise SkipError(
            Skip.BLOCKED,
            f"{host} is at {address}, which is not public; --allow-private {host} would allow it",
        )


def _meant(address: Address) -> Address:
    """The IPv4 address that is reached by way of an IPv6 one, or ``address`` itself.

    Mapped (RFC 4291 §2.5.5.2), 6to4 (RFC 3056 §2) and NAT64 (RFC 6052 §2.1).
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


class Network(Protocol):
    """The network as one crawl sees it: where names lead, and whom to trust."""

    @property
    def ca_file(self) -> str | None:
        """Path of the trusted roots (PEM), or None for the usual ones."""
        ...

    @property
    def is_mocked(self) -> bool:
        """Its hosts are nobody's: they get no delay and no limit unless one is asked for."""
        ...

    def resolver(self, rules: AddressRules) -> Resolver: ...


class SystemNetwork:
    """The real one. ``SSL_CERT_FILE`` names the trusted roots, as for OpenSSL's own tools."""

    is_mocked = False

    @property
    def ca_file(self) -> str | None:
        return os.environ.get("SSL_CERT_FILE") or None

    def resolver(self, rules: AddressRules) -> Resolver:
        return SystemResolver(rules)


_mocking: list[Network] = []


@contextmanager
def mocking(network: Network) -> Iterator[None]:
    """Whatever crawl begins in this process while the context lasts has ``network``, no other.

    This holds for the process, not for a task or thread: a crawl that some thread begins must not
    get out either.
    """
    _mocking.append(network)
    try:
        yield
    finally:
        _mocking.remove(network)


def current() -> Network:
    """The network for a crawl that begins now."""
    return _mocking[-1] if _mocking else SystemNetwork()


class _Known(msgspec.Struct, frozen=True):
    endpoint: Endpoint
    until: float


class SystemResolver:
    """DNS and the hosts file by c-ares, off the loop; literal addresses need neither."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._known: OrderedDict[tuple[str, int], _Known] = OrderedDict()
        self._asking: dict[tuple[str, int], asyncio.Task[Endpoint]] = {}
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
        asking = self._asking.get((host, port))
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._look_up(host, port))
            self._asking[host, port] = asking
            asking.add_done_callback(lambda _: self._asking.pop((host, port)))
        endpoint = await asyncio.shield(asking)
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
        if self._dns is None:
            self._dns = _Dns()
        return await self._dns.look_up(host)

    async def close(self) -> None:
        for asking in list(self._asking.values()):
            asking.cancel()
        if self._dns is not None:
            await self._dns.close()
            self._dns = None


class _Dns:
    """c-ares; imported only when a name has to be looked up."""

    def __init__(self) -> None:
        import aiodns

        self._error = aiodns.error.DNSError
        self._resolver = aiodns.DNSResolver(timeout=5, tries=2)

    async def look_up(self, host: str) -> tuple[str, float]:
        """First address, IPv4 before IPv6, and its time to live in seconds."""
        try:
            found = await self._resolver.getaddrinfo(host, type=socket.SOCK_STREAM)
        except self._error as error:
            raise FetchError(Kind.DNS, f"{host}: {error.args[-1]}") from None
        nodes = sorted(found.nodes, key=lambda node: node.family != socket.AF_INET)
        if not nodes:
            raise FetchError(Kind.DNS, f"{host} has no address")
        name = nodes[0].addr[0]
        return (name.decode() if isinstance(name, bytes) else str(name)), float(nodes[0].ttl)

    async def close(self) -> None:
        await self._resolver.close()
