"""Sends all connections to a proxy.

The proxy looks up host names, so their addresses are not known here. Only a host that is written as
an address, or as ``localhost``, can be checked before the request goes to the proxy.
"""

from crawler.fetch.addresses import AddressRules, stated_addresses
from crawler.fetch.network import Resolver
from crawler.model.errors import FailureKind, FetchError, SkipError
from crawler.model.exchange import Endpoint, Proxy


class ProxyResolver:
    """Resolves every host to the proxy; ``resolver`` looks up the proxy itself.

    The ``address`` of an endpoint is empty if the proxy looks up the name.
    """

    def __init__(self, proxy: Proxy, rules: AddressRules, resolver: Resolver) -> None:
        self._proxy = proxy
        self._rules = rules
        self._resolver = resolver

    def cached(self, host: str, port: int) -> Endpoint | None:
        found = self._resolver.cached(self._proxy.host, self._proxy.port)
        if found is None or stated_addresses(host):
            return None
        return _through(found)

    def prepare(self, host: str, port: int, at_once: int) -> None:
        """Do nothing: the first request looks up the proxy."""

    async def resolve(self, host: str, port: int) -> Endpoint:
        """Raises FetchError (dns, of the proxy) and SkipError (blocked)."""
        stated = stated_addresses(host)
        address = self._rules.allowed(host, port, stated)[0] if stated else ""
        return _through(await self._find(), address)

    def unreachable(self, host: str, port: int, endpoint: Endpoint) -> None:
        """It is an address of the proxy."""
        proxy = Endpoint(endpoint.proxy_address, endpoint.dial_host, endpoint.dial_port)
        self._resolver.unreachable(self._proxy.host, self._proxy.port, proxy)

    async def _find(self) -> Endpoint:
        try:
            return await self._resolver.resolve(self._proxy.host, self._proxy.port)
        except (FetchError, SkipError) as error:
            raise FetchError(FailureKind.DNS, f"the proxy {self._proxy.place}: {error}") from None

    async def close(self) -> None:
        await self._resolver.close()


def _through(proxy: Endpoint, address: str = "") -> Endpoint:
    """The endpoint of a host with this ``address`` that is reached through ``proxy``."""
    others = tuple(_through(each, address) for each in proxy.others)
    dial = proxy.dial_host, proxy.dial_port
    return Endpoint(address, *dial, proxy.lookup_s, others, proxy.address)
