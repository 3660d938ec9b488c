"""The other reference for ``list`` and ``site``: Scrapy. Runs in an environment of its own.

``python scrapy_spiders.py URLS OUT [follow]``: writes JSON lines.
"""

import hashlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess
from scrapy.http import HtmlResponse, Response
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule

SETTINGS = {
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
    "DOWNLOAD_DELAY": 0,
    "ROBOTSTXT_OBEY": False,
    "TELNETCONSOLE_ENABLED": False,
    "RETRY_ENABLED": False,
    "COOKIES_ENABLED": False,
    "LOG_LEVEL": "ERROR",
}


def record(response: Response) -> dict[str, Any]:
    return {
        "url": response.url.partition("#")[0],
        "digest": hashlib.sha256(response.body).hexdigest(),
        "title": response.css("title::text").get() if isinstance(response, HtmlResponse) else None,
    }


class ListSpider(Spider):
    name = "list"

    def parse(self, response: Response) -> Iterator[dict[str, Any]]:
        hrefs = response.css("a::attr(href)").getall()
        links = dict.fromkeys(map(response.urljoin, hrefs))
        yield {**record(response), "links": list(links)}


class SiteSpider(CrawlSpider):  # type: ignore[misc]
    name = "site"

    def __init__(self, start_urls: list[str]) -> None:
        # All of the host that it starts at, whatever the ending: what the others do.
        host = start_urls[0][: start_urls[0].index("/", 8) + 1]
        extractor = LinkExtractor(allow=f"^{host}", deny_extensions=[])
        self.rules = (Rule(extractor, callback="parse_page", follow=True),)
        super().__init__(start_urls=start_urls)

    async def start(self) -> AsyncIterator[Request]:
        # Scrapy's own fetches a start URL again when a page links to it.
        for url in self.start_urls:
            yield Request(url)

    def parse_page(self, response: Response) -> Iterator[dict[str, Any]]:
        yield record(response)

    parse_start_url = parse_page


def main() -> None:
    urls, out, *follow = sys.argv[1:]
    feeds = {out: {"format": "jsonlines", "encoding": "utf8"}}
    process = CrawlerProcess({**SETTINGS, "FEEDS": feeds})
    spider = SiteSpider if follow else ListSpider
    process.crawl(spider, start_urls=Path(urls).read_text().split())
    process.start()


if __name__ == "__main__":
    main()
