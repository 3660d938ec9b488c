"""The reference for ``list`` and ``site``: fetch, parse, write, and nothing else.

What one would write who knows the libraries and has one job: libcurl's multi interface on uvloop,
handles reused, batches of pages to a process for each core. No robots.txt, no politeness, no
retries, no metrics, no bounds. ``python -m benchmarks.bare_loop URLS OUT [follow]``
"""

import asyncio
import hashlib
import io
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import can_ada
import msgspec
import pycurl
import uvloop
from selectolax.lexbor import LexborHTMLParser

from crawler.parsing.facts import tune_allocator

CONCURRENCY = 64
BATCH = 32
WORKERS = len(os.sched_getaffinity(0))
READY = 8 * BATCH
"""Pages that may wait for a worker until no more are fetched."""

Fetched = tuple[str, bytes, bool]
"""URL, body, whether it is HTML."""


def parse(batch: list[Fetched], follow: bool) -> tuple[bytes, list[str]]:
    """Lines to write, and the links to follow: those to the host of their page."""
    lines, found = [], dict[str, None]()
    for url, body, is_html in batch:
        title, links = read(url, body) if is_html else (None, [])
        digest = hashlib.sha256(body).hexdigest()
        lines.append({"url": url, "digest": digest, "title": title, "links": links})
        if follow:
            host = url[: url.index("/", 8) + 1]
            found.update(dict.fromkeys(link for link in links if link.startswith(host)))
    return msgspec.json.Encoder().encode_lines(lines), list(found)


def read(url: str, body: bytes) -> tuple[str | None, list[str]]:
    tree = LexborHTMLParser(body)
    title = tree.css_first("title")
    base = can_ada.parse(url)
    hrefs = dict.fromkeys(a.attrs.sget("href").partition("#")[0] for a in tree.css("a[href]"))
    links = dict.fromkeys(str(base + href) for href in hrefs)
    return (title.text() if title else None), [link for link in links if link.startswith("http")]


class Loop:
    def __init__(self, urls: list[str], out: io.BufferedWriter, follow: bool) -> None:
        self.queue = deque(dict.fromkeys(urls))
        self.seen = set(self.queue)
        self.out, self.follow = out, follow
        self.free = [pycurl.Curl() for _ in range(CONCURRENCY)]
        self.ready: list[Fetched] = []
        self.parsing = 0
        self.tasks = set[asyncio.Task[None]]()

    async def run(self) -> None:
        self.end = asyncio.Event()
        self.multi = pycurl.AsyncCurlMulti()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(WORKERS, context, tune_allocator) as self.pool:
            self.pump()
            await self.end.wait()
        await self.multi.aclose()

    def pump(self) -> None:
        while self.queue and self.free and len(self.ready) < READY:
            self.start(self.fetch(self.queue.popleft(), self.free.pop()))
        while len(self.ready) >= BATCH or (self.ready and self.parsing < WORKERS):
            if self.parsing >= 2 * WORKERS:
                return
            batch, self.ready = self.ready[:BATCH], self.ready[BATCH:]
            self.parsing += 1
            self.start(self.parse(batch))
        if not self.parsing and len(self.free) == CONCURRENCY:
            self.end.set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def fetch(self, url: str, curl: pycurl.Curl) -> None:
        body = io.BytesIO()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.WRITEDATA, body)
        await self.multi.add_handle(curl)
        if curl.getinfo(pycurl.RESPONSE_CODE) == 200:
            is_html = (curl.getinfo(pycurl.CONTENT_TYPE) or "").startswith("text/html")
            self.ready.append((url, body.getvalue(), is_html))
        self.free.append(curl)
        self.pump()

    async def parse(self, batch: list[Fetched]) -> None:
        loop = asyncio.get_running_loop()
        lines, links = await loop.run_in_executor(self.pool, parse, batch, self.follow)
        self.out.write(lines)
        self.queue.extend(link for link in links if link not in self.seen)
        self.seen.update(links)
        self.parsing -= 1
        self.pump()


def main() -> None:
    urls, out, *follow = sys.argv[1:]
    with Path(out).open("wb") as file:
        uvloop.run(Loop(Path(urls).read_text().split(), file, bool(follow)).run())


if __name__ == "__main__":
    main()
