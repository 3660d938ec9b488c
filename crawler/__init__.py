"""Crawl URL lists with exchangeable fetch engines, and see what concurrency was worth.

>>> import crawler
>>> report = crawler.crawl(["https://example.com/"], engine="aiohttp", out="pages.jsonl")
"""

from typing import TYPE_CHECKING

from crawler.version import __version__

if TYPE_CHECKING:
    from crawler.api import Crawler, crawl
    from crawler.errors import CrawlerError, FetchError, Kind, Skip, StateError, UsageError
    from crawler.metrics.report import Report
    from crawler.model import Failure, Page, Skipped
    from crawler.settings import Settings

_HOME = {
    "Crawler": "api",
    "CrawlerError": "errors",
    "Failure": "model",
    "FetchError": "errors",
    "Kind": "errors",
    "Page": "model",
    "Report": "metrics.report",
    "Settings": "settings",
    "Skip": "errors",
    "Skipped": "model",
    "StateError": "errors",
    "UsageError": "errors",
    "crawl": "api",
}

__all__ = [
    "Crawler",
    "CrawlerError",
    "Failure",
    "FetchError",
    "Kind",
    "Page",
    "Report",
    "Settings",
    "Skip",
    "Skipped",
    "StateError",
    "UsageError",
    "__version__",
    "crawl",
]


def __getattr__(name: str) -> object:
    """Import what is asked for and nothing else: a parse worker needs no event loop."""
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
