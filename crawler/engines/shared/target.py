"""The parts of a canonical URL that a request is made of."""

from typing import NamedTuple


class Target(NamedTuple):
    """``authority`` is the host, with a port unless it is the default; ``path`` has the query."""

    scheme: str
    authority: str
    path: str


def target_of(url: str) -> Target:
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    return Target(scheme, authority, f"/{path}")


def host_of(authority: str) -> str:
    """The host without port and without the brackets of an IPv6 address."""
    if authority.startswith("["):
        return authority[1 : authority.index("]")]
    return authority.partition(":")[0]
