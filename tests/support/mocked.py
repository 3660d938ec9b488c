"""Crawls in this process, for tests that mock the network, and their records."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import crawler

Records = dict[str, dict[str, Any]]


class Crawled:
    """The records of a finished crawl, by URL."""

    def __init__(self, directory: Path, report: crawler.Report) -> None:
        self.report = report
        self.pages = _records(directory / "pages.jsonl")
        self.failures = _records(directory / "failures.jsonl")
        self.skips = _records(directory / "skipped.jsonl")

    def ends(self) -> dict[str, str]:
        """URL → "page", or the kind of its failure, or the reason of its skip."""
        return (
            dict.fromkeys(self.pages, "page")
            | {url: record["error"] for url, record in self.failures.items()}
            | {url: record["reason"] for url, record in self.skips.items()}
        )


def crawl(directory: Path, urls: Iterable[str], **options: Any) -> Crawled:
    """Crawl into the new ``directory``; by default without robots.txt and retries."""
    settings = {"parse": "inline", "robots": False, "retries": 0, **options}
    return Crawled(directory, crawler.crawl(urls, run=directory, **settings))


def _records(path: Path) -> Records:
    return {record["url"]: record for record in map(json.loads, path.read_text().splitlines())}
