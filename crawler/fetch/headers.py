"""The headers of a request: most go to every origin, credentials only to their own origins.

An origin is scheme, host and port (RFC 6454). Every redirect hop uses the headers of its own
origin, so that no redirect, link or robots.txt of another host receives a credential.
"""

from collections.abc import Iterable

from crawler.engines.shared.proxying import basic
from crawler.model.errors import UsageError
from crawler.model.exchange import Headers
from crawler.model.urls import UrlError, canonical, host_port, origin

CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Names, in lower case, of headers that are sent only to origins of the input."""

HostPort = tuple[str, int | None]
"""A host and a port; None means every port."""


def parse_header(text: str) -> tuple[str, str]:
    """``K: V`` → name and value."""
    name, _, value = text.partition(":")
    return name, value.strip(" \t")


def parse_place(text: str) -> HostPort:
    """``HOST`` or ``HOST:PORT`` → host as in a canonical URL, and port. Raises UsageError."""
    try:
        first, second = (host_port(url) for url in _origins(text))
    except UrlError:
        raise UsageError(f"{text!r} is neither HOST nor HOST:PORT") from None
    return first[0], first[1] if first == second else None


def parse_login(text: str) -> tuple[tuple[str, str], str]:
    """``HOST[:PORT]=USER:PASS`` → its https and its http origin, and ``USER:PASS``.

    Raises UsageError, which does not quote the password.
    """
    place, _, userinfo = text.partition("=")
    try:
        secure, plain = map(origin, _origins(place))
    except UrlError:
        raise UsageError(f"{place!r} is neither HOST nor HOST:PORT") from None
    return (secure, plain), userinfo


def is_insecure(places: frozenset[HostPort], host: str, port: int) -> bool:
    """Whether ``host:port`` is in ``places``, whose certificates are not verified."""
    return (host, None) in places or (host, port) in places


def _origins(place: str) -> tuple[str, str]:
    """The https and the http URL of ``place``. Raises UrlError."""
    if not place or not set(place).isdisjoint("/\\?#@ "):
        raise UrlError("not a host")
    return canonical(f"https://{place}/"), canonical(f"http://{place}/")


class RequestHeaders:
    """The headers for each URL of a crawl.

    ``given`` (``K: V``, from ``--header``) replace ``usual`` headers with the same name.
    ``logins`` (``HOST=USER:PASS``, from ``--auth``) go to https of that host, and to http only if
    the input has such a URL: a redirect must not send a password unencrypted. ``user_agent`` is
    how the crawler calls itself in them. Raises UsageError.
    """

    def __init__(
        self, usual: Headers, given: Iterable[str] = (), logins: Iterable[str] = ()
    ) -> None:
        pairs = tuple(map(parse_header, given))
        self._usual = _merged(usual, [pair for pair in pairs if not _is_credential(pair)])
        self.user_agent = ", ".join(
            value for name, value in self._usual if name.lower() == "user-agent"
        )
        self._secret = [pair for pair in pairs if _is_credential(pair)]
        self._trusted = _merged(self._usual, self._secret)
        self._logins: dict[str, str] = {}
        self._named: set[str] = set()
        self._own: dict[str, Headers] = {}
        for (secure, plain), userinfo in map(parse_login, logins):
            self._logins[secure] = self._logins[plain] = userinfo
            self._own[secure] = _with_login(self._usual, userinfo)

    def of(self, url: str) -> Headers:
        """Return the headers for ``url``; the same object as long as nothing changes."""
        return self._own.get(origin(url), self._usual) if self._own else self._usual

    def name(self, url: str) -> bool:
        """The input has ``url``: its origin may now receive its credentials, if there are any.

        Returns whether this changed the headers of the origin.
        """
        place = origin(url)
        if place in self._named or not (self._secret or place in self._logins):
            return False
        self._named.add(place)
        login = self._logins.get(place)
        self._own[place] = self._trusted if login is None else _with_login(self._trusted, login)
        return True

    def log_in(self, url: str, userinfo: str) -> bool:
        """Send ``user:password`` with every further request to the origin of ``url``.

        Returns whether this is another login than before.
        """
        place = origin(url)
        is_new = self._logins.get(place) != userinfo
        if is_new:
            self._logins[place] = userinfo
            self._named.discard(place)
        self.name(url)
        return is_new


def _is_credential(pair: tuple[str, str]) -> bool:
    return pair[0].lower() in CREDENTIALS


def _with_login(headers: Headers, userinfo: str) -> Headers:
    return _merged(headers, [("Authorization", basic(userinfo))])


def _merged(headers: Headers, stronger: Iterable[tuple[str, str]]) -> Headers:
    stronger = tuple(stronger)
    if not stronger:
        return headers
    names = {name.lower() for name, _ in stronger}
    return (*(pair for pair in headers if pair[0].lower() not in names), *stronger)
