"""The names of a crawler in its User-Agent header (RFC 9110 §10.1.5), by which sites address it."""

import re

NAME = re.compile(r"[\w-]+", re.ASCII)
"""The name of a product; robots.txt (RFC 9309 §2.2.1) has no digits in it, but crawlers have."""
_PRODUCT = re.compile(r"(?:^|[ (;,])([\w-]+)(?=/)|^([\w-]+)|\bcompatible; *([\w-]+)", re.ASCII)


def products(agent: str) -> frozenset[str]:
    """Return the product names in a User-Agent, in lower case.

    They may be in comments: ``Mozilla/5.0 (compatible; Bot/1.0)`` has ``mozilla`` and ``bot``. The
    first one, and the one after ``compatible;``, need no version.
    """
    return frozenset("".join(names).lower() for names in _PRODUCT.findall(agent))
