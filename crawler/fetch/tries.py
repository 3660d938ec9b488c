"""One address of a host after the other: which one is next, and for how long. Pure.

The next address is tried only when no connection to the last one was made, so that nothing was
sent. They are not raced (RFC 8305): a server would see connections that no request comes on.
"""

from collections import Counter, OrderedDict

import msgspec

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Response

_REMEMBERED = 10_000
_MANY, _TIMES_MORE = 8, 4
"""A family does not work if so many of its addresses failed, and so many times those of the other.
"""
_LONGEST = 3.0
"""Seconds for one address, at most: a lost SYN is sent again after 1 s (RFC 6298, 2.1)."""
_PARTS = 3
"""An address gets at most this part of the timeout."""
_SHORTEST = 0.001
_ALMOST = 0.95
"""The part of the rest for the last address; then an engine can say that it is not connected."""
_SHOWN = 4
"""Addresses that an error message names."""


class FailedAddresses:
    """The last addresses to which no connection was made; they are tried after all others.

    If many of IPv6 have failed and hardly any of IPv4, this machine has no working IPv6: then all
    of IPv6 come last, so that it costs no time at each new host. The same for IPv4.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, int] = OrderedDict()
        self._count = 0
        self._of_family = Counter[bool]()

    def add(self, address: str) -> None:
        self._count += 1
        if address not in self._failed:
            self._of_family[_is_ipv6(address)] += 1
        self._failed[address] = self._count
        self._failed.move_to_end(address)
        if len(self._failed) > _REMEMBERED:
            forgotten, _ = self._failed.popitem(last=False)
            self._of_family[_is_ipv6(forgotten)] -= 1

    def last(self, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``addresses`` with the failed ones at the end; the first to fail comes first."""
        if not self._failed or len(addresses) == 1:
            return addresses
        return tuple(sorted(addresses, key=self._rank))

    def _rank(self, address: str) -> tuple[int, bool]:
        is_ipv6 = _is_ipv6(address)
        failed, others = self._of_family[is_ipv6], self._of_family[not is_ipv6]
        is_dead = failed >= _MANY and failed > _TIMES_MORE * others
        return self._failed.get(address, 0), is_dead


def _is_ipv6(address: str) -> bool:
    return ":" in address


class Attempt(msgspec.Struct, frozen=True):
    """Seconds that are left for the fetch, and for the connection to ``endpoint``."""

    endpoint: Endpoint
    timeout: float
    connect_timeout: float


def first_limit(endpoint: Endpoint, timeout: float) -> float:
    """Return the seconds for the connection to ``endpoint``, which has ``others``."""
    if len(endpoint.others) < _PARTS and not endpoint.lookup_s:  # as usual
        share = timeout / _PARTS
        return min(_LONGEST, share)
    return _limit(timeout, timeout - endpoint.lookup_s, 1 + len(endpoint.others))


def _limit(timeout: float, left: float, untried: int) -> float:
    """``left`` is what is left of ``timeout`` for the ``untried`` addresses."""
    if untried == 1:
        return left * _ALMOST
    return max(min(timeout / _PARTS, _LONGEST, left / untried), _SHORTEST)


class AddressTries:
    """The addresses that one fetch tries. Times are monotonic seconds.

    An address gets ``min(timeout / 3, 3 s)`` as long as another one is left, and less if there are
    many; the last one gets the rest of the timeout.
    """

    def __init__(self, endpoint: Endpoint, timeout: float, now: float) -> None:
        """``timeout`` is for the look-up of ``endpoint`` and for all its addresses together."""
        looked_up = endpoint.lookup_s
        rest = (msgspec.structs.replace(each, lookup_s=looked_up) for each in endpoint.others)
        self._untried = [endpoint, *rest]
        self._timeout = timeout
        self._deadline = now + timeout - looked_up
        self._failed: list[tuple[Endpoint, FetchError]] = []
        self._waited = 0.0
        self._begin(now)

    def _begin(self, now: float) -> None:
        left = max(self._deadline - now, _SHORTEST)
        connect = _limit(self._timeout, left, len(self._untried))
        self._begun = now
        self.attempt = Attempt(self._untried.pop(0), left, connect)

    def fail(self, error: FetchError, now: float) -> bool:
        """No connection was made. Return whether there is a next attempt."""
        attempt = self.attempt
        # Our event loop may have been late.
        self._waited += min(now - self._begun, attempt.connect_timeout)
        self._failed.append((attempt.endpoint, error))
        if not self._untried or now >= self._deadline:
            return False
        self._begin(now)
        return True

    def error(self) -> FetchError:
        """Return the error of all; its message says what happened at each address.

        Its kind does not depend on their order: ``connect``, unless no address replied at all.
        """
        kinds = {error.kind for _, error in self._failed}
        kind = kinds.pop() if len(kinds) == 1 else FailureKind.CONNECT
        shown = [f"{_name(endpoint)}: {error.message}" for endpoint, error in self._failed[:_SHOWN]]
        more = len(self._failed) + len(self._untried) - len(shown)
        shown += [f"{more} more"] if more else []
        whose = " of the proxy" if self.attempt.endpoint.proxy_address else ""
        message = f"no address{whose} can be reached: {'; '.join(shown)}"
        return FetchError(kind, message, connected=False)

    def timed(self, response: Response) -> Response:
        """Return ``response`` with the waits of the failed attempts in its timing."""
        if not self._failed:
            return response
        timing, waited = response.timing, self._waited
        timing = msgspec.structs.replace(
            timing,
            connect=timing.connect + waited,
            first_byte=timing.first_byte + waited,
            total=timing.total + waited,
            sure=False,
        )
        return msgspec.structs.replace(response, timing=timing)


def _name(endpoint: Endpoint) -> str:
    return endpoint.proxy_address or endpoint.address or endpoint.dial_host
