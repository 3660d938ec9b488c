"""Which shard a URL belongs to. Pure, and the same in every process and release."""

from functools import lru_cache
from hashlib import blake2b

from crawler.model.urls import registrable_domain


def owner(url: str, count: int) -> int:
    """The shard of ``count`` to which ``url`` belongs; a text that is not a URL has one, too.

    It is a hash (BLAKE2b, 64 bits, big-endian) of the registrable domain, modulo ``count``. So a
    domain belongs to one shard as a whole: there are its delays, its cookies and its redirects to
    ``www``.
    """
    start = url.find("://") + 3
    end = url.find("/", start)
    return _owner_of(url[start:end] if 3 <= start < end else url, count)


@lru_cache(maxsize=65536)
def _owner_of(place: str, count: int) -> int:
    digest = blake2b(_site(place).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % count


def _site(place: str) -> str:
    """The registrable domain of ``host[:port]``."""
    host, colon, port = place.rpartition(":")
    if not colon or port.endswith("]"):
        host = place
    return registrable_domain(host.strip("[]").removesuffix("."))
