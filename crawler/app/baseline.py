"""The measured baseline: fetches a sample of the crawled URLs again, one after the other."""

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
from crawler.model.urls import host_name


async def measure(crawl: Crawl, options: EngineOptions, report: Report) -> Report:
    """Return ``report`` with the baseline of ``crawl``, which has just ended and has a sample.

    The report is unchanged if no URL of the sample had a response.
    """
    assert crawl.sample is not None
    urls, one_slot = crawl.sample.urls, msgspec.structs.replace(options, concurrency=1)
    times = await one_by_one(crawl.fetcher, urls, one_slot, crawl.frontier.delay)
    if not times:
        return report
    baseline = estimate(times, crawl.sample.seen, report.wall_s, crawl.rng)
    return msgspec.structs.replace(report, baseline=baseline)


async def one_by_one(
    fetcher: Fetcher, urls: Sequence[str], options: EngineOptions, delay: Callable[[str], float]
) -> list[float]:
    """Return the seconds that each URL takes with the ``sequential`` engine, without failed ones.

    ``delay`` returns the seconds between two requests to a host, which also apply after the crawl
    that has just ended. The times do not include these waits.
    """
    engine = make_engine("sequential", options)
    sequential = msgspec.structs.replace(fetcher, engine=engine, record=None)
    times = []
    last_start = dict.fromkeys(map(host_name, urls), time.monotonic())
    async with engine:
        for url in urls:
            host = host_name(url)
            await asyncio.sleep(last_start[host] + delay(host) - time.monotonic())
            last_start[host] = time.monotonic()
            try:
                await sequential.fetch(url)
            except (FetchError, SkipError):
                continue
            times.append(time.monotonic() - last_start[host])
    await fetcher.resolver.close()
    return times
