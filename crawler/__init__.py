"""Crawl URL lists with exchangeable fetch engines, and see what concurrency was worth.

>>> import crawler
>>> report = crawler.crawl(["https://example.com/"], engine="aiohttp", out="pages.jsonl")
"""

from crawler.model.lazy import lazy
from crawler.model.version import __version__ as __version__

TYPE_CHECKING = False  # as in typing, which takes 5 ms to import
if TYPE_CHECKING:
    from crawler.app.api import Crawler as Crawler
    from crawler.distributed.api import crawl as crawl
    from crawler.metrics.report import Report as Report
    from crawler.model.errors import CrawlerError as CrawlerError
    from crawler.model.errors import FailureKind as FailureKind
    from crawler.model.errors import FetchError as FetchError
    from crawler.model.errors import SkipReason as SkipReason
    from crawler.model.errors import StateError as StateError
    from crawler.model.errors import UsageError as UsageError
    from crawler.model.pages import Failure as Failure
    from crawler.model.pages import Page as Page
    from crawler.model.pages import Skipped as Skipped
    from crawler.parsing.document import Document as Document
    from crawler.settings import Settings as Settings

_HOMES = {
    "Crawler": "crawler.app.api",
    "CrawlerError": "crawler.model.errors",
    "Document": "crawler.parsing.document",
    "Failure": "crawler.model.pages",
    "FetchError": "crawler.model.errors",
    "FailureKind": "crawler.model.errors",
    "Page": "crawler.model.pages",
    "Report": "crawler.metrics.report",
    "Settings": "crawler.settings",
    "SkipReason": "crawler.model.errors",
    "Skipped": "crawler.model.pages",
    "StateError": "crawler.model.errors",
    "UsageError": "crawler.model.errors",
    "crawl": "crawler.distributed.api",
}
__all__ = list(_HOMES)
__getattr__ = lazy(__name__, _HOMES)
