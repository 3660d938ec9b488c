"""What a sharded crawl waits for before its first order."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.sharded_web import page, web

import crawler
from crawler.distributed import execute
from crawler.distributed.engines.registry import open_workers
from crawler.distributed.workers import SliceWorkers

CLUSTER_S = 0.5


@contextmanager
def slow_workers(on: str, slots: int | None = None) -> Iterator[SliceWorkers]:
    """Workers of a cluster that takes a while to start."""
    time.sleep(CLUSTER_S)
    with open_workers(on, slots) as workers:
        yield workers


def test_the_start_of_workers_is_part_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "open_workers", slow_workers)
    with web({"a/": page()}) as served:
        url = served.fill("{a}/")
        report = crawler.crawl([url], on="local:1", run=tmp_path / "run", parse="inline")
    assert report.urls.done == 1
    assert report.startup_s >= CLUSTER_S
