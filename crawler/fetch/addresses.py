"""Rules for the addresses that the crawler may connect to. Pure."""

import ipaddress
from collections.abc import Callable, Iterable
from typing import NamedTuple

from crawler.model.errors import FetchError, SkipError, SkipReason, UsageError
from crawler.model.urls import host_port

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All global unicast that is assigned; Python also calls unassigned and obsolete ranges global."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOOPBACK = ("127.0.0.1", "::1")
"""Where local names lead (RFC 6761 §6.3). Most servers of this machine listen at the first one."""

Refuse = Callable[[str, str], SkipError | None]
"""Why a redirect or a link from one URL to another one must not be followed, or None."""


def refuse_nothing(_found_at: str, _url: str) -> SkipError | None:
    return None


def literal(host: str) -> IPAddress | None:
    """Return ``host`` (of a canonical URL) as an address, or None if it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_local_name(host: str) -> bool:
    """RFC 6761 §6.3: ``localhost`` and names below it are loopback."""
    return host == "localhost" or host.endswith(".localhost")


def stated_addresses(host: str) -> tuple[str, ...]:
    """Return the addresses that ``host`` states without a look-up; none if it is another name."""
    if is_local_name(host):
        return LOOPBACK
    if not host[-1].isdigit() and ":" not in host:
        return ()  # a name: this saves time, as it is called for each new link
    address = literal(host)
    return () if address is None else (str(address),)


class Addresses(NamedTuple):
    """Where a name leads, for ``ttl`` seconds: its addresses in the order to try them.

    ``asked`` and ``answered`` are when the question was sent and the answer arrived (monotonic
    seconds); they are equal if there was nothing to wait for.
    """

    addresses: tuple[str, ...]
    ttl: float = float("inf")
    asked: float = 0.0
    answered: float = 0.0

    def wait(self, since: float = 0.0) -> float:
        """Seconds that a request waited that has wanted to know it ``since`` then."""
        return max(0.0, self.answered - max(self.asked, since))


Tell = Callable[[Addresses | FetchError], None]
"""Takes the addresses of a name, or why there are none (dns)."""


class AddressRules:
    """Allows connections to all public addresses and to hosts that the user named.

    The user names a host and port by an input URL with a literal address or ``localhost``;
    ``allow`` adds hosts and networks (``--allow-private``). Raises UsageError for invalid ones.
    What the input names is open to the input, and to redirects and links from there; a page of
    another origin must not reach it (``refusal``).
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Subnet] = []
        self._named: set[tuple[str, int]] = set()
        self._named_loopback: set[str] = set()
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
        """The input has a URL of ``host:port``. Return whether that allows a new destination."""
        if (host, port) in self._named:
            return False
        if not is_local_name(host) and literal(host) is None:
            return False
        self._named.add((host, port))
        if _is_loopback(host):
            self._named_loopback.add(host.strip("[]"))
        return True

    def is_named_loopback(self, host: str) -> bool:
        """Whether ``host`` is loopback, and the input has a URL of it with any port."""
        return host.strip("[]") in self._named_loopback

    def check(self, host: str, port: int, address: str) -> None:
        """Raises SkipError (blocked) if ``host:port`` must not be reached at ``address``."""
        self.allowed(host, port, (address,))

    def allowed(self, host: str, port: int, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of its ``addresses`` at which ``host:port`` may be reached.

        Raises SkipError (blocked) if there is none.
        """
        if (host, port) in self._named:
            return addresses
        found = tuple(each for each in addresses if self._is_open(host, each))
        if not found:
            raise _blocked(f"{host} has the non-public address {addresses[0]}", host)
        return found

    def refusal(self, found_at: str, url: str) -> SkipError | None:
        """Return why a redirect or a link at ``found_at`` must not lead to ``url``, or None.

        It judges only an address that is written in ``url``. Names are judged by ``check``: the
        input cannot open them.
        """
        if host_port(found_at) in self._named:
            return None
        host, _ = host_port(url)
        stated = stated_addresses(host)
        if not stated or any(self._is_open(host, each) for each in stated):
            return None
        return _blocked(f"{host} is not public, and only the input may name it", host)

    def _is_open(self, host: str, address: str) -> bool:
        """Whether every page may lead to ``host``, which has this address."""
        judged = _effective(ipaddress.ip_address(address))
        if _is_public(judged) or host in self._hosts:
            return True
        return any(judged in network for network in self._networks)


def _blocked(why: str, host: str) -> SkipError:
    return SkipError(SkipReason.BLOCKED, f"{why}; use --allow-private {host} to allow it")


def _is_loopback(host: str) -> bool:
    address = literal(host)
    return is_local_name(host) if address is None else address.is_loopback


def _effective(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address leads to, or ``address`` itself.

    Mapped (RFC 4291 §2.5.5.2), 6to4 (RFC 3056 §2) and NAT64 (RFC 6052 §2.1).
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast
