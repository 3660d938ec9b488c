"""The engines that come with the crawler, as a table that imports none of them.

A new engine is one file beside this one and one row here.
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
"""Not an engine of its own: it chooses one of ``CANDIDATES`` while the crawl runs."""
CANDIDATES = ("curl", "aiohttp", "tornado")
"""What ``auto`` chooses from; it starts with the first."""
PLUGINS = "crawler.engines"
"""The group of entry points by which installed packages add engines."""
