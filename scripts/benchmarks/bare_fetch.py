"""The reference for ``fetch``: a library alone, on uvloop, and a line for each body.

``python -m benchmarks.bare_fetch ENGINE CONCURRENCY URLS OUT [length]``. The line has the SHA-256
of the body, or with ``length`` only its length. The loop, the queue and what is done with a body
are the same for all; only ``fetch`` differs.
"""

import asyncio
import hashlib
import io
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import uvloop

Fetch = Callable[[str], Awaitable[bytes]]
Digest = Callable[[bytes], str]
Library = Callable[[int], AbstractAsyncContextManager[Fetch]]


@asynccontextmanager
async def curl(concurrency: int) -> AsyncIterator[Fetch]:
    import pycurl

    multi = pycurl.AsyncCurlMulti()
    free = [pycurl.Curl() for _ in range(concurrency)]

    async def fetch(url: str) -> bytes:
        handle, body = free.pop(), io.BytesIO()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.WRITEDATA, body)
        await multi.add_handle(handle)
        free.append(handle)
        return body.getvalue()

    yield fetch
    await multi.aclose()


@asynccontextmanager
async def aiohttp(concurrency: int) -> AsyncIterator[Fetch]:
    from aiohttp import ClientSession, TCPConnector

    async with ClientSession(connector=TCPConnector(limit=concurrency)) as session:

        async def fetch(url: str) -> bytes:
            async with session.get(url) as answer:
                return await answer.read()

        yield fetch


@asynccontextmanager
async def tornado(concurrency: int) -> AsyncIterator[Fetch]:
    from tornado.curl_httpclient import CurlAsyncHTTPClient

    client = CurlAsyncHTTPClient(force_instance=True, max_clients=concurrency)

    async def fetch(url: str) -> bytes:
        return (await client.fetch(url)).body

    yield fetch
    client.close()


@asynccontextmanager
async def threads(concurrency: int) -> AsyncIterator[Fetch]:
    loop = asyncio.get_running_loop()

    def blocking(url: str) -> bytes:
        with urllib.request.urlopen(url) as answer:
            body: bytes = answer.read()
            return body

    with ThreadPoolExecutor(concurrency) as pool:
        yield lambda url: loop.run_in_executor(pool, blocking, url)


LIBRARIES: dict[str, Library] = {
    "curl": curl,
    "aiohttp": aiohttp,
    "tornado": tornado,
    "threads": threads,
    "sequential": threads,
}


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def length(body: bytes) -> str:
    return str(len(body))


async def run(
    library: Library, concurrency: int, urls: list[str], out: io.BufferedWriter, digest: Digest
) -> None:
    queue = iter(urls)

    async def one_after_the_other(fetch: Fetch) -> None:
        for url in queue:
            told = digest(await fetch(url))
            out.write(f'{{"url":"{url}","digest":"{told}"}}\n'.encode())

    async with library(concurrency) as fetch:
        await asyncio.gather(*(one_after_the_other(fetch) for _ in range(concurrency)))


def main() -> None:
    engine, concurrency, urls, out, *only_length = sys.argv[1:]
    with Path(out).open("wb") as file:
        listed = Path(urls).read_text().split()
        digest = length if only_length else sha256
        uvloop.run(run(LIBRARIES[engine], int(concurrency), listed, file, digest))


if __name__ == "__main__":
    main()
