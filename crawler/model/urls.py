"""URLs: validity, identity, and how links resolve.

Parsing and serialising follow the URL Standard (https://url.spec.whatwg.org), by can_ada. A
*canonical* URL is what ``canonical`` returns: ASCII, absolute, http or https, no userinfo, no
fragment. Functions with a parameter ``url`` expect a canonical URL and raise nothing.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import product
from typing import TYPE_CHECKING

import can_ada
import msgspec

from crawler.model.errors import CrawlerError

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MAX_URL_CHARACTERS = 8192
MAX_IDN_CHARACTERS = 255
"""Limit for hosts that need IDNA, which takes quadratic time; a DNS name has at most 253."""
_QUERIES_IN_UTF8 = frozenset({"utf-8", "utf-16be", "utf-16le", "replacement"})
"""The encodings whose output encoding is UTF-8 (Encoding Standard, 4.3)."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY_AT = len("https://")

_SCHEME = re.compile(r"[\x00-\x20]*([a-z][a-z0-9+.-]*):(?!\d)", re.IGNORECASE)
_AUTHORITY = re.compile(r"[\x00-\x20]*(?:https?:[/\\]*|[/\\]{2,})([^/\\?#]*)", re.IGNORECASE)
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_TAB_AND_NEWLINE = dict.fromkeys(map(ord, "\t\n\r"))
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
# Path segments of unreserved characters, without empty and dot segments, and a plain query.
_PLAIN = re.compile(
    r"(?:/|(?=[\w~-]))(?:[\w~-][\w.~-]*/)*(?:[\w~-][\w.~-]*)?(?:\?[\w.~=&-]*)?", re.ASCII
)
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _same_escape(escape: str) -> str:
    """Return the normal form of a percent-encoded byte (RFC 3986, 6.2.2.1 and 6.2.2.2)."""
    character = chr(int(escape[1:], 16))
    return character if character in _UNRESERVED else escape.upper()


_SAME_ESCAPE = {
    escape: _same_escape(escape)
    for escape in map("%{0[0]}{0[1]}".format, product("0123456789abcdefABCDEF", repeat=2))
}


class UrlError(CrawlerError):
    """The text is not an absolute http or https URL; ``message`` says why, without quoting it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InputUrl(msgspec.Struct, frozen=True):
    """A URL from the input: the canonical ``url`` and its decoded ``user:password``, if any."""

    url: str
    userinfo: str | None = None


def canonical(text: str) -> str:
    """Return the URL in ``text`` as the URL Standard writes it, without userinfo and fragment.

    Takes time linear in the length of ``text``. Raises UrlError, also if ``text`` or the result is
    longer than 8,192 characters.
    """
    return _serialise(_parse(text))


def parse_input(text: str) -> InputUrl:
    """Like ``canonical``, but return userinfo separately. Raises UrlError."""
    parsed = _parse(text)
    userinfo = None
    if parsed.has_credentials():
        from urllib.parse import unquote

        userinfo = f"{unquote(parsed.username)}:{unquote(parsed.password)}"
    return InputUrl(_serialise(parsed), userinfo)


def of_header(value: str) -> str:
    """Return a URL from a header, whose characters are bytes, with those beyond ASCII escaped.

    They are percent-encoded as they came, in whatever encoding that was, as browsers and curl do.
    The URL parser then reads a host from them as UTF-8 (URL Standard, 3.5).
    """
    return value if value.isascii() else _BEYOND_ASCII.sub(_escaped, value)


def without_controls(value: str) -> str:
    """Return a header with a URL so that it leads there without control characters, except TAB.

    They are escaped as the URL parser does it, which removes line ends, and all of them at both
    ends of the URL (URL Standard, 4.4).
    """
    if not _CONTROL.search(value):
        return value
    kept = value.strip(_C0_AND_SPACE).replace("\r", "").replace("\n", "")
    return _CONTROL.sub(_escaped, kept)


def _escaped(found: re.Match[str]) -> str:
    """Escape a byte, or what another engine has decoded already."""
    character = found[0]
    if character <= "\xff":
        return f"%{ord(character):02X}"
    return "".join([f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape")])


def key(url: str) -> int:
    """Signed 64-bit identity: equal for all spellings of the same URL.

    Before hashing, percent-encoded unreserved characters are decoded, other escapes are written in
    upper case, and an empty query is removed.
    """
    return int.from_bytes(blake2b(_normalised(url).encode(), digest_size=8).digest(), signed=True)


def origin(url: str) -> str:
    """``scheme://host[:port]``, without the default port."""
    return url[: url.index("/", _AUTHORITY_AT)]


def authority(url: str) -> str:
    """``host[:port]`` of a URL or an origin, without the default port.

    It is the same for http and https of a host.
    """
    return url.split("/", 3)[2]


def host_name(url: str) -> str:
    """Host of a URL or an origin, without port and final dot: what politeness is measured by.

    It is the same for all schemes and ports of a host. An IPv6 literal keeps its brackets.
    """
    place = url.split("/", 3)[2]
    return _named(place) if ":" in place or place[-1:] == "." else place


@lru_cache(maxsize=4096)
def _named(place: str) -> str:
    if ":" in place and not place.endswith("]"):
        place = place[: place.rindex(":")]
    return place.removesuffix(".")


def host_port(url: str) -> tuple[str, int]:
    """Host and port to connect to; an IPv6 literal has no brackets."""
    return _host_port_of(origin(url))


@lru_cache(maxsize=4096)
def _host_port_of(origin: str) -> tuple[str, int]:
    scheme, _, place = origin.partition("://")
    host, colon, port = place.rpartition(":")
    if not colon or port.endswith("]"):
        return place.strip("[]"), DEFAULT_PORTS[scheme]
    return host.strip("[]"), int(port)


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """The domain that ``host`` is registered under: ``a.b.co.uk`` → ``b.co.uk`` (publicsuffix.org).

    IP literals, public suffixes and single labels are returned unchanged.
    """
    if ":" in host or host.rpartition(".")[2].isdigit():
        return host
    return _suffixes().privatesuffix(host) or host


class Joiner:
    """Resolves the links of one page; the base is parsed once.

    A query beyond ASCII is written in ``encoding``, the character set of the page by its name in
    the Encoding Standard, and all else in UTF-8 (URL Standard, 4.4).
    Raises UrlError if ``base`` is not an absolute http or https URL; if it ``is_canonical``, it is
    not checked.
    """

    def __init__(self, base: str, encoding: str = "utf-8", *, is_canonical: bool = False) -> None:
        url = base if is_canonical else canonical(base)
        self._url = url
        self._encoding = None if encoding in _QUERIES_IN_UTF8 else encoding
        self._origin = origin(url)
        self.page = url.partition("?")[0]
        """The base without its query."""
        self._folder = self.page.rpartition("/")[0] + "/"
        self.folder = self._folder, self._encoding
        """Equal for bases from which links lead to the same URLs, except to the page itself."""

    @cached_property
    def _base(self) -> can_ada.URL:
        """It is parsed when it is needed: all links of many pages are plain or known."""
        return can_ada.parse(self._url)

    def join(self, href: str) -> str | None:
        """Return ``href`` as a canonical URL, or None if it is not an http or https URL."""
        return next(self.join_all((href.partition("#")[0],)))

    def join_all(self, hrefs: Iterable[str]) -> Iterator[str | None]:
        """``join`` each of ``hrefs``, which have no fragments. One call for many saves time."""
        origin, folder = self._origin, self._folder
        is_plain, room = _PLAIN.fullmatch, MAX_URL_CHARACTERS - len(folder)
        # Plain: nothing to resolve or escape. The same result as can_ada's, in a fifth of the time.
        return (
            (origin if href[0] == "/" else folder) + href
            if is_plain(href) and len(href) <= room
            else self.resolve(href)
            for href in hrefs
        )

    def resolve(self, href: str) -> str | None:
        """Like ``join``, for any ``href`` without a fragment."""
        if _oversized(href):
            return None
        if self._encoding is not None and not href.isascii():
            href = _query_in(self._encoding, href)
        try:
            url = str(self._base + href)
            if "@" in url:
                url = _serialise(can_ada.parse(url))
        except (ValueError, TypeError, UrlError):
            return None
        fits = len(url) <= MAX_URL_CHARACTERS and url.startswith(("http://", "https://"))
        return url if fits else None


def _query_in(encoding: str, href: str) -> str:
    """Percent-encode the query of ``href`` in ``encoding``; http and https only.

    What the URL parser would remove is removed before, because afterwards it is an escape.
    """
    path, mark, query = href.strip(_C0_AND_SPACE).translate(_TAB_AND_NEWLINE).partition("?")
    if query.isascii():
        return href
    from crawler.model.text import encode_query  # imported here: few pages need it

    return path + mark + encode_query(query, encoding).decode("ascii")


def _parse(text: str) -> can_ada.URL:
    if _oversized(text):
        raise UrlError(f"longer than {MAX_URL_CHARACTERS:,} characters, or the host is too long")
    try:
        parsed = can_ada.parse(text)
    except (ValueError, TypeError):  # TypeError: a lone surrogate
        raise UrlError(_diagnosis(text)) from None
    if parsed.protocol not in ("http:", "https:"):
        raise UrlError(_diagnosis(text))
    return parsed


def _serialise(parsed: can_ada.URL) -> str:
    if parsed.has_credentials():
        parsed.username = parsed.password = ""
    url = parsed.href.partition("#")[0]
    if len(url) > MAX_URL_CHARACTERS:
        raise UrlError(f"longer than {MAX_URL_CHARACTERS:,} characters after encoding")
    return url


def _oversized(text: str) -> bool:
    """Whether parsing ``text`` could take too long."""
    if len(text) > MAX_URL_CHARACTERS:
        return True
    if text.isascii():
        return False
    authority = _AUTHORITY.match(text.translate(_TAB_AND_NEWLINE))
    return authority is not None and len(authority[1]) > MAX_IDN_CHARACTERS


def _diagnosis(text: str) -> str:
    """Why ``text`` is not an accepted URL. Does not quote ``text``: it may contain a password."""
    if not text.strip():
        return "empty"
    scheme = _SCHEME.match(text)
    if scheme is None:
        return "not an absolute URL: put http:// or https:// in front of the host"
    if scheme[1].lower() not in DEFAULT_PORTS:
        return f"unknown scheme {scheme[1][:30]!r}: only http and https are supported"
    return "not a valid URL: check the host and the port"


def _normalised(url: str) -> str:
    """Return ``url`` with its escapes normalised and an empty query removed."""
    if "%" in url:
        url = _ESCAPE.sub(lambda escape: _SAME_ESCAPE[escape[0]], url)
    return url.removesuffix("?")


@lru_cache(maxsize=1)
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
