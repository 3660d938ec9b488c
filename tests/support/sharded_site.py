"""A site of four hosts, of which each belongs to another shard, and sharded crawls of it."""

import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.books import check_books, records
from support.sharded_web import HOSTS, Web, page, web
from support.unreliable import WORKERS

import crawler
from crawler.metrics.report import Report

SHARDS = len(HOSTS)
_NEXT = dict(zip(HOSTS, [*list(HOSTS)[1:], *list(HOSTS)[:1]], strict=True))
_OPTIONS = {
    "follow": True,
    "scope": "any",
    "robots": False,
    "delay": 0,
    "parse": "inline",
    "slice": 1.0,
    "shards": SHARDS,
}


class Crawls:
    """Crawls into one run directory. The first pages of the hosts are its input."""

    def __init__(self, served: Web, pages: int, run: Path) -> None:
        self._served = served
        self._pages = pages
        self.run = run

    @property
    def input(self) -> list[str]:
        return [self._served.fill(f"{{{host}}}/0") for host in HOSTS]

    @property
    def expected(self) -> set[str]:
        """The URLs of all pages."""
        fill = self._served.fill
        return {fill(f"{{{host}}}/{n}") for host in HOSTS for n in range(self._pages)}

    def crawl(self, workers: Executor, **options: Any) -> Report:
        """Begin, or resume."""
        is_new = not (self.run / "shards").exists()
        with workers:
            return crawler.crawl(
                self.input,
                **{
                    **(_OPTIONS if is_new else {"resume": True}),
                    "run": str(self.run),
                    "on": workers,
                    "slots": WORKERS,
                    "quiet": True,
                    **options,
                },
            )

    def command(self, *options: object) -> list[str]:
        """To begin or resume it from the command line."""
        begin = ["crawl", *self.input, "--follow", "--scope", "any", "--no-robots", "--on"]
        begin += ["local:2", "--shards", SHARDS, "--slice", 1, "--parse", "inline", "--delay", 0]
        resume = ["crawl", "--resume"]
        given = [*(resume if (self.run / "shards").exists() else begin), *options]
        return [sys.executable, "-m", "crawler", *map(str, given), "--run", str(self.run)]

    @property
    def requests(self) -> int:
        """The number of requests so far."""
        return len(self._served.seen)

    def check(self) -> None:
        """Every page is there once, and the books close."""
        assert set(records(self.run)["pages"]) == self.expected
        check_books(self.run)


@contextmanager
def sharded_site(pages: int, run: Path, latency: float = 0.0) -> Iterator[Crawls]:
    """So many ``pages`` on each host; each links to the next one of its host and another one's.

    ``latency`` is the time of an answer in seconds.
    """
    links = {
        f"{host}/{n}": [f"{{{each}}}/{n + 1}" for each in (host, _NEXT[host]) if n + 1 < pages]
        for host in HOSTS
        for n in range(pages)
    }
    with web({name: page(*found, latency=latency) for name, found in links.items()}) as served:
        yield Crawls(served, pages, run)
