"""The table of built-in engines. It imports none of them.

To add an engine, add one module to this package and one row here.
"""

from types import MappingProxyType

BUILT_IN = MappingProxyType(
    {
        "curl": "crawler.engines.curl:CurlEngine",
        "aiohttp": "crawler.engines.aiohttp:AiohttpEngine",
        "tornado": "crawler.engines.tornado:TornadoEngine",
        "threads": "crawler.engines.threads:ThreadsEngine",
        "sequential": "crawler.engines.sequential:SequentialEngine",
    }
)
"""Name → ``module:class``; the first one is the default."""
ENGINES = tuple(BUILT_IN)
AUTO = "auto"
"""Chooses one of ``CANDIDATES`` while the crawl runs."""
CANDIDATES = ("curl", "aiohttp", "tornado")
"""The engines that ``auto`` chooses from; it starts with the first."""
PLUGINS = "crawler.engines"
"""The entry point group through which installed packages add engines."""
