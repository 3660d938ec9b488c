"""A crawl from Python in one call: on this process, or in shards on workers."""

from pathlib import Path
from typing import Unpack

from crawler.app import api
from crawler.app.inputs import UrlSource
from crawler.metrics.report import Report
from crawler.runs.layout import check_is_whole, is_sharded, resumed_settings
from crawler.settings import Settings
from crawler.settings.keywords import CrawlKeywords


def crawl(urls: UrlSource, **options: Unpack[CrawlKeywords]) -> Report:
    """Crawl ``urls`` (http or https) and wait for the end.

    They are read lazily, in another thread; an async iterable runs there on an event loop of its
    own. ``options`` are those of ``Settings``. Pages go to ``out``, or into the run directory. With
    ``resume``, ``urls`` must be the same as before: those that the run has read are skipped. With
    ``on``, the crawl is divided into shards that workers crawl; it may be an executor, then
    ``slots`` says how many shards it crawls at once.

    Works in a script without a ``__main__`` guard, and in a running event loop, which it blocks.
    Raises UsageError for wrong arguments, StateError if the crawl cannot continue, what ``urls``
    raises, and KeyboardInterrupt after the requests in flight have ended; a second interrupt drops
    them.
    """
    settings = _sharded(options)
    if settings is None:
        return api.crawl(urls, **options)
    from crawler.distributed.execute import crawl_urls  # a crawl without shards does not need it

    return crawl_urls(urls, settings)


def _sharded(options: CrawlKeywords) -> Settings | None:
    """The settings of a sharded crawl, a new one or one to resume; None for any other."""
    place = options.get("run")
    is_wanted = options.get("on") is not None
    if options.get("resume") and place and (is_wanted or is_sharded(Path(place))):
        api.check_keywords(options)
        check_is_whole(Path(place))
        return resumed_settings(Path(place), options)
    return api.settings_of(options) if is_wanted else None
