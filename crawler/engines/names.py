"""The table of built-in engines. It imports none of them.

To add an engine, add one module to this package and one row here.
"""

from importlib.util import find_spec
from types import MappingProxyType

BUILT_IN = MappingProxyType(
    {
        "curl": "crawler.engines.curl:CurlEngine",
        "aiohttp": "crawler.engines.aiohttp:AiohttpEngine",
        "tornado": "crawler.engines.tornado:TornadoEngine",
        "threads": "crawler.engines.threads:ThreadsEngine",
        "sequential": "crawler.engines.sequential:SequentialEngine",
        "gevent": "crawler.engines.gevent:GeventEngine",
    }
)
"""Name → ``module:class``; the first one is the default."""
ENGINES = tuple(BUILT_IN)
EXTRAS = MappingProxyType({"gevent": ("gevent", "geventhttpclient")})
"""Engine → the packages that only it needs; the extra with its name installs them."""
AUTO = "auto"
"""Chooses one of ``CANDIDATES`` while the crawl runs."""
CANDIDATES = ("curl", "aiohttp", "tornado")
"""The engines that ``auto`` chooses from; it starts with the first.

Threads and greenlets are left out: with both, a page costs more than with the first.
"""
PLUGINS = "crawler.engines"
"""The entry point group through which installed packages add engines."""


def is_installed(name: str) -> bool:
    """Whether the packages of the built-in engine ``name`` are there. It imports none of them."""
    return all(find_spec(package) is not None for package in EXTRAS.get(name, ()))


def installed_engines() -> tuple[str, ...]:
    """The built-in engines that can be used here, the default first."""
    return tuple(filter(is_installed, ENGINES))
