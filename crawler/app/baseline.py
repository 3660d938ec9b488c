"""The measured baseline: a sample of what a crawl fetched, fetched again one after the other."""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from crawler.app.assemble import Crawl
from crawler.engines.base import EngineOptions
from crawler.engines.registry import make_engine
from crawler.fetch.fetcher import Fetcher
from crawler.metrics.report import Report
from crawler.metrics.sampling import estimate
from crawler.model.errors import FetchError, SkipError
from crawler.model.urls import authority


async def measure(crawl: Crawl, options: EngineOptions, report: Report) -> Report:
    """``report`` with the baseline of ``crawl``, which has just ended and was told to sample.

    Without one where not one of its URLs was answered.
    """
    assert crawl.sample is not None
    urls, alone = crawl.sample.urls, msgspec.structs.replace(options, concurrency=1)
    times = await one_by_one(crawl.fetcher, urls, alone, crawl.frontier.delay)
    if not times:
        return report
    baseline = estimate(times, crawl.sample.seen, report.wall_s, crawl.rng)
    return msgspec.structs.replace(report, baseline=baseline)


async def one_by_one(
    fetcher: Fetcher, urls: Sequence[str], options: EngineOptions, delay: Callable[[str], float]
) -> list[float]:
    """Seconds each URL takes with the ``sequential`` engine; those that fail are left out.

    ``delay`` is how many seconds a host is to be left alone between two requests, also after those
    of the crawl that has just ended. That is not in the times.
    """
    engine = make_engine("sequential", options)
    alone = msgspec.structs.replace(fetcher, engine=engine, record=None)
    times = []
    asked = dict.fromkeys(map(authority, urls), time.monotonic())
    async with engine:
        for url in urls:
            host = authority(url)
            await asyncio.sleep(asked[host] + delay(host) - time.monotonic())
            asked[host] = time.monotonic()
            try:
                await alone.fetch(url)
            except (FetchError, SkipError):
                continue
            times.append(time.monotonic() - asked[host])
    await fetcher.resolver.close()
    return times
