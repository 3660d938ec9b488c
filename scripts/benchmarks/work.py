"""What is to be crawled, and what must come out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from support.nginx import Nginx

from benchmarks.records import Facts
from benchmarks.runs import Bench
from benchmarks.web import write_urls


class Work(msgspec.Struct, frozen=True):
    """A file of URLs to be crawled, with these options of ``crawler crawl``; what must come out."""

    urls: str
    expected: Mapping[str, Facts]
    options: tuple[str, ...] = ()

    @property
    def pages(self) -> int:
        return len(self.expected)

    @property
    def follow(self) -> bool:
        return "--follow" in self.options


def listed(bench: Bench, expected: Mapping[str, Facts]) -> Work:
    """A list of these URLs."""
    return Work(write_urls(bench.fresh("urls"), list(expected)), expected)


@contextmanager
def served(bench: Bench, write: Callable[[Path], list[Facts]]) -> Iterator[Work]:
    """A list of the pages that ``write`` puts into a folder, ``0.html`` and so on.

    Raises Missing where there is no nginx.
    """
    root = bench.fresh("www")
    root.mkdir()
    facts = write(root)
    with Nginx(bench.fresh("nginx"), root) as nginx:
        yield listed(bench, {nginx.url(f"{n}.html"): each for n, each in enumerate(facts)})
