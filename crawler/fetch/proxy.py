"""Parses the URL of a proxy."""

from typing import Literal
from urllib.parse import unquote

from crawler.fetch.headers import parse_place
from crawler.model.errors import UsageError
from crawler.model.exchange import Proxy

_SCHEMES: dict[str, tuple[Literal["http", "https", "socks5"], int]] = {
    "http": ("http", 80),
    "https": ("https", 443),
    "socks5": ("socks5", 1080),
    "socks5h": ("socks5", 1080),
}
"""Scheme of a proxy URL → the scheme of ``Proxy``, and the default port."""


def parse_proxy(url: str) -> Proxy:
    """Parse ``SCHEME://[USER:PASSWORD@]HOST[:PORT]``. Raises UsageError, which quotes no part."""
    scheme, found, rest = url.partition("://")
    userinfo, at, place = rest.removesuffix("/").rpartition("@")
    if not found or scheme.lower() not in _SCHEMES:
        schemes = ", ".join(f"{name}://" for name in _SCHEMES)
        raise UsageError(f"a proxy URL must start with one of {schemes}")
    kind, default_port = _SCHEMES[scheme.lower()]
    try:
        host, port = parse_place(place)
    except UsageError:
        raise UsageError("a proxy URL must be SCHEME://[USER:PASSWORD@]HOST[:PORT]") from None
    user, _, password = userinfo.partition(":")
    login = f"{unquote(user)}:{unquote(password)}" if at else None
    return Proxy(kind, host, port or default_port, login)
