"""Names → addresses, once for all engines: looked up, judged and cached here.

The resolver is also the seam at which the network is mocked: whoever hands a crawl another
``Network`` decides where every connection of every engine goes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from crawler.fetch.addresses import AddressRules
from crawler.fetch.dns import SystemResolver
from crawler.model.exchange import Endpoint


class Resolver(Protocol):
    """Where connections go. ``close`` may be called more than once."""

    def cached(self, host: str, port: int) -> Endpoint | None:
        """The endpoint, if it is known without waiting."""
        ...

    async def resolve(self, host: str, port: int) -> Endpoint:
        """Raises FetchError (dns) or SkipError (blocked)."""
        ...

    async def close(self) -> None: ...


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
