"""Uses of the Python API, right and wrong; checked by mypy in ``scripts/check``, never run.

A wrong use has a comment that expects its error, so one that is accepted is an error itself.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Self, assert_type

import crawler
from crawler.engines import Capabilities, Engine, EngineOptions, Request, Response, Timing
from crawler.sinks import Encoder, Sink, Writer


class MyEngine:
    """Keeps the contract."""

    capabilities = Capabilities("mine", "an example", "none", True, False, False)

    def __init__(self, options: EngineOptions) -> None:
        self.slots = options.concurrency

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def fetch(self, request: Request) -> Response:
        raise crawler.FetchError(crawler.FailureKind.CONNECT, request.url)


class MyEncoder:
    def encode(self, page: crawler.Page) -> bytes:
        return f"{page.title}\n".encode()


class MyWriter:
    can_cut = False

    def append(self, chunk: bytes) -> None: ...

    def commit(self) -> int:
        return 0

    def cut(self, offset: int) -> None: ...

    def close(self) -> None: ...


def prices(document: crawler.Document) -> dict[str, object]:
    return {"price": document.css("b")[0].text(), "url": document.final_url}


def records(document: crawler.Document) -> list[dict[str, object]]:
    return [{"price": node.text()} for node in document.css("b")]


def not_a_parser(document: crawler.Document) -> int:
    return document.status


def urls() -> Iterator[str]:
    yield "https://shop.example/"


async def async_urls() -> AsyncIterator[str]:
    yield "https://shop.example/"


engine: Engine = MyEngine(EngineOptions(concurrency=8))
encoder: Encoder = MyEncoder()
writer: Writer = MyWriter()
sink = Sink("mine", encoder, writer)
response = Response(200, (), b"", Timing())
assert_type(response.timing.io_wait, float)


def right() -> None:
    assert_type(crawler.crawl("https://shop.example/"), crawler.Report)
    crawler.crawl(async_urls())
    crawler.crawl(urls(), engine="aiohttp", concurrency=8, delay=1, timeout=2.5)
    crawler.crawl([], engine=engine)
    crawler.crawl([], engine=MyEngine)
    crawler.crawl([], engine=lambda options: MyEngine(options))
    crawler.crawl([], memory="1GiB", max_bytes=10**6, out="pages.jsonl")
    crawler.crawl([], out=[sink, Path("pages.jsonl")], run=Path("run"), resume=True)
    crawler.crawl([], header=["A: b", "C: d"], include=("a", "b"), insecure="shop.example")
    crawler.crawl([], parser="shop:prices", parse="thread")
    crawler.crawl([], parser=prices)
    crawler.crawl([], parser=records)
    crawler.crawl([], parser=lambda document: {"length": len(document.text)})
    crawler.crawl([], depth=None, scope="any", follow=True)
    settings = crawler.Settings(sources=[Path("urls.txt")], memory="1GiB", out=sink)
    assert_type(settings.memory, int)


def wrong() -> None:
    crawler.crawl()  # type: ignore[call-arg]
    crawler.crawl(3)  # type: ignore[arg-type]
    crawler.crawl([3])  # type: ignore[list-item]
    crawler.crawl([], concurency=8)  # type: ignore[call-arg]
    crawler.crawl([], sources=["urls.txt"])  # type: ignore[call-arg]
    crawler.crawl([], concurrency="8")  # type: ignore[arg-type]
    crawler.crawl([], timeout=None)  # type: ignore[arg-type]
    crawler.crawl([], memory=1.5)  # type: ignore[arg-type]
    crawler.crawl([], scope="planet")  # type: ignore[arg-type]
    crawler.crawl([], parse="processes")  # type: ignore[arg-type]
    crawler.crawl([], robots="no")  # type: ignore[arg-type]
    crawler.crawl([], header=[1])  # type: ignore[list-item]
    crawler.crawl([], out=writer)  # type: ignore[arg-type]
    crawler.crawl([], parser=not_a_parser)  # type: ignore[arg-type]
    crawler.crawl([], engine=MyEncoder())  # type: ignore[arg-type]
    crawler.crawl([], engine=MyEncoder)  # type: ignore[arg-type]
    crawler.Settings(concurency=8)  # type: ignore[call-arg]
    crawler.Settings(memory=1.5)  # type: ignore[arg-type]
    crawler.Settings("urls.txt")  # type: ignore[call-arg]
    Sink("mine", writer, encoder)  # type: ignore[arg-type]


async def stream() -> None:
    async with crawler.Crawler(crawler.Settings(engine=engine)) as c:
        async for page in c.stream(urls()):
            assert_type(page, crawler.Page)
        async for page in c.stream(async_urls()):
            assert_type(page, crawler.Page)
        async for record in c.stream(urls(), failures=True):
            assert_type(record, crawler.Page | crawler.Failure)
        async with aclosing(c.stream(urls())) as pages:
            assert_type(await anext(pages), crawler.Page)
        assert_type(c.report, crawler.Report | None)
    crawler.Crawler(engine="curl")  # type: ignore[call-arg]
