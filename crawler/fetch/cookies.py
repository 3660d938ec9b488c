"""A bounded cookie jar (RFC 6265, and draft-ietf-httpbis-rfc6265bis, "6265bis", where stricter).

Pure: ``now`` is wall clock seconds. SameSite and HttpOnly are ignored: every request of the crawler
is a top-level navigation without scripts. Cookies belong to hosts, not to ports (RFC 6265, 8.5).
"""

import logging
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from crawler.model.errors import StateError
from crawler.model.exchange import Headers, values_of
from crawler.model.urls import host_port, registrable_domain

log = logging.getLogger(__name__)

MAX_BYTES = 4096
"""Limit for the name and the value of a cookie together."""
PER_DOMAIN = 50
"""Limit for cookies of one domain, and of one response; the oldest are dropped first."""
IN_ALL = 3000
MAX_SENT = 8190
"""Bytes of one Cookie header, at most: common servers reject longer ones."""
LONGEST_LIFE = 400 * 86_400.0
"""Seconds a cookie is kept at most (6265bis, 5.5)."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TOKEN = re.compile(r"[0-9A-Za-z:]+")
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)")
_DAY = re.compile(r"(\d{1,2})(?!\d)")
_YEAR = re.compile(r"(\d{2,4})(?!\d)")
_SECONDS = re.compile(r"-?[0-9]{1,18}")
_TEXT = re.compile(r"[ -~\x80-\xff]*")
"""Bytes of a name and a value: no control characters (6265bis, 5.6). Others are sent as they came,
whatever their encoding is.
"""
_MAX_ATTRIBUTE = 1024

Key = tuple[str, str, str]
"""The identity of a cookie: domain, path and name."""


class Cookie(msgspec.Struct, frozen=True):
    """With ``host_only``, ``domain`` is one host; otherwise the cookie includes its subdomains.

    ``expires`` is wall clock seconds; None means until the end of the crawl, even if it is resumed.
    """

    name: str
    value: str
    domain: str
    path: str
    expires: float | None = None
    host_only: bool = True
    secure: bool = False

    @property
    def key(self) -> Key:
        return self.domain, self.path, self.name


class Jar:
    """The cookies of a crawl, in the order in which they were first set."""

    def __init__(self) -> None:
        self._all: OrderedDict[Key, Cookie] = OrderedDict()
        self._domains: dict[str, dict[Key, Cookie]] = {}
        self._removed: set[Key] = set()
        self._set: dict[Key, None] = {}
        self._warned = False

    def __len__(self) -> int:
        return len(self._all)

    def header(self, url: str, now: float) -> str:
        """Return the value of the Cookie header for a request of ``url``, or an empty string."""
        if not self._all:
            return ""
        visible = self._visible(host_port(url)[0])
        if not visible:
            return ""
        _, path, secure = _parts(url)
        found = [
            cookie
            for cookie in visible
            if (secure or not cookie.secure) and _below(path, cookie.path)
        ]
        live = [cookie for cookie in found if not self._expire(cookie, now)]
        live.sort(key=lambda cookie: -len(cookie.path))  # stable: the oldest first (RFC 6265, 5.4)
        return _joined(live)

    def take(self, url: str, headers: Headers, now: float) -> None:
        """Store the allowed cookies from the Set-Cookie headers of the response to ``url``."""
        lines = values_of(headers, "set-cookie")
        if len(lines) > PER_DOMAIN:
            self._warn_dropped("too many in one response")
        for line in lines[:PER_DOMAIN]:
            cookie = parse(line, url, now)
            if cookie is None:
                continue
            if len(cookie.name) + len(cookie.value) > MAX_BYTES:
                self._warn_dropped("one is too large")
            elif not self._hides_a_secure_one(cookie, url):
                self._put(cookie, now)

    def changes(self) -> list[tuple[str, str | None]]:
        """Return what changed since the last call: the key of each cookie, and the cookie as JSON.

        None means that it was removed; a cookie that was removed and set again comes twice. Keep it
        secret.
        """
        found: list[tuple[str, str | None]] = [(_json(key), None) for key in self._removed]
        found += [(_json(key), _json(self._all[key])) for key in self._set]
        self._removed.clear()
        self._set.clear()
        return found

    def load(self, data: bytes) -> None:
        """Add a JSON list of cookies from ``changes``. Raises StateError for other data."""
        try:
            cookies = msgspec.json.decode(data, type=list[Cookie])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StateError("the saved cookies cannot be read") from None
        for cookie in cookies:
            self._put(cookie, 0.0)
        self._removed.clear()
        self._set.clear()

    def _visible(self, host: str) -> list[Cookie]:
        """The cookies that ``host`` may receive over TLS, for any path."""
        found: list[Cookie] = []
        domain = host
        while domain:
            kept = self._domains.get(domain)
            if kept is not None:
                found += [each for each in kept.values() if domain == host or not each.host_only]
            domain = domain.partition(".")[2]
        return found

    def _hides_a_secure_one(self, cookie: Cookie, url: str) -> bool:
        """Whether plain HTTP would overwrite or shadow a Secure cookie (6265bis, 5.7)."""
        host, _, secure = _parts(url)
        return not secure and any(
            other.secure and other.name == cookie.name and _below(cookie.path, other.path)
            for other in self._visible(host)
        )

    def _put(self, cookie: Cookie, now: float) -> None:
        if cookie.expires is not None and cookie.expires <= now:
            self._remove(cookie.key)
            return
        if self._all.get(cookie.key) == cookie:
            return
        self._set[cookie.key] = None
        self._all[cookie.key] = cookie
        domain = self._domains.setdefault(cookie.domain, {})
        domain[cookie.key] = cookie
        if len(domain) > PER_DOMAIN:
            self._warn_dropped("too many for one domain")
            self._remove(next(iter(domain)))
        elif len(self._all) > IN_ALL:
            self._warn_dropped("too many in total")
            self._remove(next(iter(self._all)))

    def _expire(self, cookie: Cookie, now: float) -> bool:
        if cookie.expires is None or cookie.expires > now:
            return False
        self._remove(cookie.key)
        return True

    def _remove(self, key: Key) -> None:
        if self._all.pop(key, None) is None:
            return
        self._removed.add(key)
        self._set.pop(key, None)
        domain = self._domains[key[0]]
        del domain[key]
        if not domain:
            del self._domains[key[0]]

    def _warn_dropped(self, why: str) -> None:
        """Warn once per crawl: a server that sets thousands of cookies must not fill the log."""
        if not self._warned:
            self._warned = True
            log.warning("dropping cookies: %s; further drops are not logged", why)


def parse(line: str, url: str, now: float) -> Cookie | None:
    """Parse a Set-Cookie header from the response to ``url`` (RFC 6265, 5.2 and 5.3).

    Returns None if it must be ignored: it has no name, has control characters, its domain does not
    include the host or is a public suffix, or its prefix (``__Host-``, ``__Secure-``) is violated.
    """
    pair, *rest = line.split(";")
    name, equals, value = (part.strip(" \t") for part in pair.partition("="))
    if not (name and equals and _TEXT.fullmatch(name + value)):
        return None
    attributes = _attributes(rest)
    host, path, https = _parts(url)
    domain = attributes.get("domain", "").removeprefix(".").lower()
    if domain and not _may_set(host, domain):
        return None
    folder = attributes.get("path", "")
    cookie = Cookie(
        name,
        value,
        domain or host,
        folder if folder.startswith("/") else _default_path(path),
        _expiry(attributes, now),
        not domain or _is_public(domain),
        "secure" in attributes,
    )
    if cookie.secure and not https:
        return None
    return cookie if _keeps_prefix(cookie, whole_host=not domain and folder == "/") else None


def parse_date(text: str) -> float | None:
    """Parse a date as tolerantly as RFC 6265, 5.1.1 requires: seconds since 1970, or None."""
    clock = day = month = year = None
    for token in _TOKEN.findall(text):
        if clock is None and (clock := _CLOCK.match(token)):
            continue
        if day is None and (day := _DAY.match(token)):
            continue
        if month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None:
            year = _YEAR.match(token)
    if clock is None or day is None or month is None or year is None:
        return None
    number = int(year[1])
    if number < 100:
        number += 1900 if number >= 70 else 2000
    hour, minute, second = map(int, clock.groups())
    try:
        moment = datetime(number, month, int(day[1]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() if number >= 1601 else None


def _attributes(parts: Sequence[str]) -> dict[str, str]:
    """Attributes by name in lower case; of repeated ones the last counts, oversized ones do not."""
    pairs = (part.partition("=") for part in parts)
    return {
        name.strip(" \t").lower(): value.strip(" \t")
        for name, _, value in pairs
        if len(value) <= _MAX_ATTRIBUTE
    }


def _expiry(attributes: dict[str, str], now: float) -> float | None:
    """Use Max-Age, else Expires; ignore invalid values."""
    seconds = attributes.get("max-age", "")
    if _SECONDS.fullmatch(seconds):
        return now + min(float(seconds), LONGEST_LIFE)
    expires = parse_date(attributes.get("expires", ""))
    return None if expires is None else min(expires, now + LONGEST_LIFE)


def _may_set(host: str, domain: str) -> bool:
    """Whether ``host`` is in ``domain`` and ``domain`` is not a public suffix above it."""
    if host == domain:
        return True
    return host.endswith("." + domain) and len(domain) >= len(registrable_domain(host))


def _is_public(domain: str) -> bool:
    """Whether subdomains of ``domain`` belong to others; a cookie is then for one host only."""
    return registrable_domain(f"x.{domain}") != registrable_domain(domain)


def _keeps_prefix(cookie: Cookie, *, whole_host: bool) -> bool:
    """6265bis, 4.1.3; ignores case, because servers may not distinguish it."""
    name = cookie.name.lower()
    if name.startswith("__host-"):
        return cookie.secure and whole_host
    return cookie.secure or not name.startswith("__secure-")


def _parts(url: str) -> tuple[str, str, bool]:
    """Host, path and whether the scheme is https."""
    path = "/" + url.split("/", 3)[3].partition("?")[0]
    return host_port(url)[0], path, url.startswith("https:")


def _default_path(path: str) -> str:
    """The path of a cookie that names none (RFC 6265, 5.1.4)."""
    return path.rpartition("/")[0] or "/"


def _below(path: str, folder: str) -> bool:
    """RFC 6265, 5.1.4: ``/a`` and ``/a/b`` are below ``/a``, ``/ab`` is not."""
    return path == folder or path.startswith(folder if folder.endswith("/") else folder + "/")


def _joined(cookies: Sequence[Cookie]) -> str:
    """Join as many as fit into one header, the most specific first."""
    pairs: list[str] = []
    room = MAX_SENT
    for cookie in cookies:
        pair = f"{cookie.name}={cookie.value}"
        room -= len(pair) + len("; ")
        if room < 0:
            break
        pairs.append(pair)
    return "; ".join(pairs)


def _json(value: Cookie | Key) -> str:
    return msgspec.json.encode(value).decode()
