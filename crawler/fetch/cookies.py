"""A bounded cookie jar: what servers set, and what goes back to them (RFC 6265, and where it is
stricter draft-ietf-httpbis-rfc6265bis, "6265bis"). Pure: ``now`` is wall clock seconds.

The crawler only ever asks for whole pages of its own accord, so that SameSite and HttpOnly mean
nothing here. Cookies go by host, not by port (RFC 6265, 8.5).
"""

import logging
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from crawler.model.errors import StateError
from crawler.model.exchange import Headers
from crawler.model.urls import host_port, registrable_domain

log = logging.getLogger(__name__)

MAX_BYTES = 4096
"""Of the name and the value of a cookie together."""
PER_DOMAIN = 50
"""Cookies of one domain, and of one response; the oldest make room."""
IN_ALL = 3000
MAX_SENT = 8190
"""Bytes of one Cookie header: longer ones are refused by common servers."""
LONGEST_LIFE = 400 * 86_400.0
"""Seconds a cookie is kept at most (6265bis, 5.5)."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TOKEN = re.compile(r"[0-9A-Za-z:]+")
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)")
_DAY = re.compile(r"(\d{1,2})(?!\d)")
_YEAR = re.compile(r"(\d{2,4})(?!\d)")
_SECONDS = re.compile(r"-?[0-9]{1,18}")
_TEXT = re.compile(r"[ -~]*")
_MAX_ATTRIBUTE = 1024

Key = tuple[str, str, str]
"""Domain, path and name of a cookie: its identity."""


class Cookie(msgspec.Struct, frozen=True):
    """``domain`` is the host itself with ``host_only``, else it and all below it.

    ``expires`` is wall clock seconds; None lives as long as the crawl, resumed or not.
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
        self._told = False

    def __len__(self) -> int:
        return len(self._all)

    def header(self, url: str, now: float) -> str:
        """Value of the Cookie header for a request of ``url``, empty where there is none."""
        if not self._all:
            return ""
        visible = self._visible(host_port(url)[0])
        if not visible:
            return ""
        _, path, secure = _place(url)
        found = [
            cookie
            for cookie in visible
            if (secure or not cookie.secure) and _below(path, cookie.path)
        ]
        live = [cookie for cookie in found if not self._expire(cookie, now)]
        live.sort(key=lambda cookie: -len(cookie.path))  # stable: the oldest first (RFC 6265, 5.4)
        return _joined(live)

    def take(self, url: str, headers: Headers, now: float) -> None:
        """Keep what the Set-Cookie lines of the answer to ``url`` ask for, as far as they may."""
        lines = [value for name, value in headers if name == "set-cookie"]
        if len(lines) > PER_DOMAIN:
            self._dropped("more in one answer than a domain may have")
        for line in lines[:PER_DOMAIN]:
            cookie = parse(line, url, now)
            if cookie is None:
                continue
            if len(cookie.name) + len(cookie.value) > MAX_BYTES:
                self._dropped("one is too large")
            elif not self._hides_a_secure_one(cookie, url):
                self._put(cookie, now)

    def dump(self) -> bytes:
        """All cookies, as JSON; it is secret."""
        return msgspec.json.encode(list(self._all.values()))

    def load(self, data: bytes) -> None:
        """Add what ``dump`` gave. Raises StateError where it is something else."""
        try:
            cookies = msgspec.json.decode(data, type=list[Cookie])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StateError("the cookies that were kept cannot be read") from None
        for cookie in cookies:
            self._put(cookie, 0.0)

    def _visible(self, host: str) -> list[Cookie]:
        """Those that ``host`` may be told over TLS, whatever the path."""
        found: list[Cookie] = []
        domain = host
        while domain:
            kept = self._domains.get(domain)
            if kept is not None:
                found += [each for each in kept.values() if domain == host or not each.host_only]
            domain = domain.partition(".")[2]
        return found

    def _hides_a_secure_one(self, cookie: Cookie, url: str) -> bool:
        """Whether plain HTTP would overwrite or shadow what TLS protects (6265bis, 5.7)."""
        host, _, secure = _place(url)
        return not secure and any(
            other.secure and other.name == cookie.name and _below(cookie.path, other.path)
            for other in self._visible(host)
        )

    def _put(self, cookie: Cookie, now: float) -> None:
        if cookie.expires is not None and cookie.expires <= now:
            self._remove(cookie.key)
            return
        self._all[cookie.key] = cookie
        domain = self._domains.setdefault(cookie.domain, {})
        domain[cookie.key] = cookie
        if len(domain) > PER_DOMAIN:
            self._dropped("one domain has too many")
            self._remove(next(iter(domain)))
        elif len(self._all) > IN_ALL:
            self._dropped("there are too many")
            self._remove(next(iter(self._all)))

    def _expire(self, cookie: Cookie, now: float) -> bool:
        if cookie.expires is None or cookie.expires > now:
            return False
        self._remove(cookie.key)
        return True

    def _remove(self, key: Key) -> None:
        if self._all.pop(key, None) is None:
            return
        domain = self._domains[key[0]]
        del domain[key]
        if not domain:
            del self._domains[key[0]]

    def _dropped(self, why: str) -> None:
        """Said once a crawl: who sets thousands would fill the log as well."""
        if not self._told:
            self._told = True
            log.warning("cookies are dropped, %s; this is not said again", why)


def parse(line: str, url: str, now: float) -> Cookie | None:
    """Read the value of a Set-Cookie header that came with ``url`` (RFC 6265, 5.2 and 5.3).

    None where it must be ignored: no name, not printable ASCII, a domain that is not the host's
    own, a public suffix, a prefix (``__Host-``, ``__Secure-``) that does not hold.
    """
    pair, *rest = line.split(";")
    name, equals, value = (part.strip(" \t") for part in pair.partition("="))
    if not (name and equals and _TEXT.fullmatch(name + value)):
        return None
    attributes = _attributes(rest)
    host, path, https = _place(url)
    domain = attributes.get("domain", "").removeprefix(".").lower()
    if domain and not _may_set(host, domain):
        return None
    given = attributes.get("path", "")
    cookie = Cookie(
        name,
        value,
        domain or host,
        given if given.startswith("/") else _folder(path),
        _expiry(attributes, now),
        not domain or _is_public(domain),
        "secure" in attributes,
    )
    if cookie.secure and not https:
        return None
    return cookie if _keeps_prefix(cookie, whole_host=not domain and given == "/") else None


def parse_date(text: str) -> float | None:
    """Read a date as lenient as RFC 6265, 5.1.1 wants it: seconds since 1970, or None."""
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
    """By name in lower case; the last of several counts, an oversized one does not."""
    pairs = (part.partition("=") for part in parts)
    return {
        name.strip(" \t").lower(): value.strip(" \t")
        for name, _, value in pairs
        if len(value) <= _MAX_ATTRIBUTE
    }


def _expiry(attributes: dict[str, str], now: float) -> float | None:
    """Max-Age before Expires; of either, what cannot be read does not count."""
    seconds = attributes.get("max-age", "")
    if _SECONDS.fullmatch(seconds):
        return now + min(float(seconds), LONGEST_LIFE)
    expires = parse_date(attributes.get("expires", ""))
    return None if expires is None else min(expires, now + LONGEST_LIFE)


def _may_set(host: str, domain: str) -> bool:
    """Whether ``host`` is in ``domain``, and that is its own: no public suffix above it."""
    if host == domain:
        return True
    return host.endswith("." + domain) and len(domain) >= len(registrable_domain(host))


def _is_public(domain: str) -> bool:
    """Whether what is below ``domain`` belongs to others; then a cookie is its own alone."""
    return registrable_domain(f"x.{domain}") != registrable_domain(domain)


def _keeps_prefix(cookie: Cookie, *, whole_host: bool) -> bool:
    """6265bis, 4.1.3; in any case, as servers may not tell one from the other."""
    name = cookie.name.lower()
    if name.startswith("__host-"):
        return cookie.secure and whole_host
    return cookie.secure or not name.startswith("__secure-")


def _place(url: str) -> tuple[str, str, bool]:
    """Host, path and whether it is https."""
    path = "/" + url.split("/", 3)[3].partition("?")[0]
    return host_port(url)[0], path, url.startswith("https:")


def _folder(path: str) -> str:
    """Where a cookie counts that names no path (RFC 6265, 5.1.4)."""
    return path.rpartition("/")[0] or "/"


def _below(path: str, folder: str) -> bool:
    """RFC 6265, 5.1.4: ``/a`` has ``/a`` and ``/a/b`` below it, not ``/ab``."""
    return path == folder or path.startswith(folder if folder.endswith("/") else folder + "/")


def _joined(cookies: Sequence[Cookie]) -> str:
    """As many as fit into one header, the most specific first."""
    pairs: list[str] = []
    room = MAX_SENT
    for cookie in cookies:
        pair = f"{cookie.name}={cookie.value}"
        room -= len(pair) + len("; ")
        if room < 0:
            break
        pairs.append(pair)
    return "; ".join(pairs)
