"""The network as engines see it: host names are looked up, checked and cached in one place.

This is also where tests mock the network: the ``Network`` of a crawl decides where every connection
of every engine goes.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from crawler.fetch.addresses import AddressRules
from crawler.fetch.dns import SystemResolver
from crawler.model.errors import UsageError
from crawler.model.exchange import Endpoint

_ROOTS = "SSL_CERT_FILE"
"""The variable of OpenSSL that names the trusted root certificates."""


class Resolver(Protocol):
    """Decides where connections go. ``close`` may be called more than once."""

    def cached(self, host: str, port: int) -> Endpoint | None:
        """Return the endpoint if it is known without waiting, else None."""
        ...

    def prepare(self, host: str, port: int, at_once: int) -> None:
        """A request may need the endpoint soon: look it up while fewer than ``at_once`` are."""
        ...

    async def resolve(self, host: str, port: int) -> Endpoint:
        """Return the endpoint. Raises FetchError (dns) or SkipError (blocked)."""
        ...

    def unreachable(self, host: str, port: int, endpoint: Endpoint) -> None:
        """No connection to ``endpoint`` was made: from now on, its ``others`` come before it."""
        ...

    async def close(self) -> None: ...


class Network(Protocol):
    """The network of one crawl: where names lead, and which certificates to trust."""

    @property
    def ca_file(self) -> str | None:
        """Path of the trusted root certificates (PEM), or None for the default ones."""
        ...

    @property
    def is_mocked(self) -> bool:
        """Its hosts are not real: they get no delay and no limit unless the user sets one."""
        ...

    def resolver(self, rules: AddressRules) -> Resolver: ...


class SystemNetwork:
    """The real network. ``SSL_CERT_FILE`` names the trusted roots, as in OpenSSL.

    ``nameservers`` (``ADDRESS:PORT``) replace those of the system; for tests.
    """

    is_mocked = False

    def __init__(self, nameservers: Sequence[str] = ()) -> None:
        self._nameservers = nameservers

    @property
    def ca_file(self) -> str | None:
        """Raises UsageError if ``SSL_CERT_FILE`` does not name a file of certificates."""
        return _named_roots()

    def resolver(self, rules: AddressRules) -> Resolver:
        return SystemResolver(rules, self._nameservers)


def _named_roots() -> str | None:
    """Return what ``SSL_CERT_FILE`` names, if anything.

    Without this check the libraries would say in different words and at different times, or not at
    all, that it is not a file of certificates.
    """
    path = os.environ.get(_ROOTS)
    if not path:
        return None
    import ssl  # 10 ms, and only some engines need it

    try:
        with open(path, "rb"):  # noqa: PTH123 - the path as the libraries get it
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path.encode())
    except UnicodeEncodeError:
        raise UsageError(f"{_ROOTS}: {path!a} is not UTF-8 text") from None
    except ssl.SSLError:
        raise UsageError(f"{_ROOTS}: {path} does not contain certificates in PEM form") from None
    except OSError as error:
        raise UsageError(f"{_ROOTS}: cannot read {path}: {error.strerror}") from None
    return path


_mocking: list[Network] = []


@contextmanager
def mocking(network: Network) -> Iterator[None]:
    """Every crawl that starts in this process within the context uses ``network``.

    This applies to the process, not to a task or thread: a crawl that another thread starts must
    not reach the real network either.
    """
    _mocking.append(network)
    try:
        yield
    finally:
        _mocking.remove(network)


def current() -> Network:
    """Return the network for a crawl that starts now."""
    return _mocking[-1] if _mocking else SystemNetwork()
