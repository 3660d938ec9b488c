"""Whole crawls of a mocked web; what each leaves behind is held against the same rules."""

import logging
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from e2e.conftest import Run, balanced
from support.heartbeat import ALLOWED, beating

import crawler
from crawler.cli import main
from crawler.engines.names import ENGINES
from crawler.model.errors import FailureKind
from crawler.testing import CLOSE, Answer, MockWeb, Seen, Step

RAW = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
"""Control characters in UTF-8, but LF, which ends a line."""
GOOD = "<!DOCTYPE html><title>fine</title>"
SIDE_BY_SIDE = pytest.mark.engines(*(name for name in ENGINES if name != "sequential"))
"""For tests that need several requests at once; ``sequential`` sends one after the other."""

Crawled = Callable[..., Run]
Sourced = Callable[..., Run]


@pytest.fixture
def crawled(
    mock_web: MockWeb,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Crawled:
    """Crawl these URLs of ``mock_web`` with these options, into folder ``name``; one try each.

    ``said`` is the only text that may come on standard output or standard error.
    """

    def run(urls: Iterable[str], *, name: str = "run", said: str = "", **options: object) -> Run:
        capfd.readouterr()
        directory = tmp_path / name
        crawler.crawl(urls, **{"run": str(directory), "retries": 0, "timeout": 60.0} | options)
        ended = Run(subprocess.CompletedProcess((), 0, *capfd.readouterr()), directory)
        # Several processes may say it at once, so lines can run into each other.
        assert not (ended.out + ended.err).replace(said or "\n", "").strip()
        assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
        check(ended)
        return ended

    return run


@pytest.fixture
def sourced(tmp_path: Path, engine: str) -> Sourced:
    """``crawler crawl`` in this process, where the web is mocked: only it reads such sources."""

    def run(*arguments: object) -> Run:
        usual = ("--quiet", "--engine", engine, "--run", tmp_path / "run")
        assert main(["crawl", *map(str, (*usual, *arguments))]) == 0
        return Run(subprocess.CompletedProcess((), 0, "", ""), tmp_path / "run")

    return run


@pytest.fixture
def heartbeat() -> Iterator[None]:
    """No response may keep the fetch thread from its other requests for long."""
    with beating() as heart:
        yield
    assert heart.beats
    assert heart.longest < ALLOWED


def check(run: Run) -> None:
    """Every entry has one record in one file, the accounts agree with them, and nothing is raw."""
    names = ("pages", "failures", "skipped")
    records = {name: run.records(name) for name in names}
    urls = [record["url"] for name in names for record in records[name]]
    assert len(set(urls)) == len(urls), "two records of an entry"
    counted = run.report["urls"]
    assert balanced(counted)
    assert [counted[state] for state in ("done", "failed", "skipped", "pending")] == [
        *(len(records[name]) for name in names),
        0,
    ]
    kinds = Counter(record["error"] for record in records["failures"])
    assert {kind: count for kind, count in run.report["errors"].items() if count} == kinds
    assert FailureKind.INTERNAL not in kinds
    for path in run.directory.iterdir():
        if path.name in ("state.db", "sitemaps"):
            continue  # formats of our own, which nobody shows
        assert RAW.search(path.read_bytes()) is None, path.name


def kinds(run: Run) -> dict[str, str]:
    """The error of each failure by the last part of its path."""
    return {url.rpartition("/")[2]: each["error"] for url, each in run.failures.items()}


def paths(run: Run) -> set[str]:
    """The last parts of the paths of its pages."""
    return {url.rpartition("/")[2] for url in run.pages}


class Crowd:
    """Good pages on hosts of their own, and answers that last until all of them were asked.

    If what is bad at one host held up the others, it would never end.
    """

    def __init__(self, web: MockWeb, pages: int = 40, hosts: int = 4) -> None:
        self.urls = [f"http://good{n % hosts}.example/{n}" for n in range(pages)]
        self._missing = set(self.urls)
        for url in self.urls:
            web.answer(url, self._good(url))

    def _good(self, url: str) -> Callable[[Seen], Answer]:
        def answer(_: Seen) -> Answer:
            self._missing.discard(url)
            return Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())

        return answer

    def meanwhile(self, start: bytes, piece: bytes) -> Callable[[Seen], Answer]:
        """An answer that says ``start``, then ``piece`` after ``piece``, and breaks off."""

        def steps() -> Iterator[Step]:
            yield start
            while self._missing:
                yield piece
                yield 0.01
            yield CLOSE

        return lambda _: Answer(script=steps())
