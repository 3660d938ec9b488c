"""Slices that are killed at a certain point, and what is then on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.books import standings
from support.dying_slice import NAMES, dies
from support.sharded_site import SHARDS, Crawls, sharded_site
from support.unreliable import UnreliableWorkers

from crawler.distributed import board


class DyingWorkers(UnreliableWorkers):
    """The processes of the first slices of each shard are killed at ``point``."""

    def __init__(self, point: str, kills: int) -> None:
        super().__init__(lambda *_: "answer")
        self._point = point
        self._left = kills
        self.killed = 0

    def slice(self, order: bytes) -> bytes:
        with self._lock:
            self._left -= 1
        if self._left < 0:
            return super().slice(order)
        answer = dies(self._point, order)
        if answer is None:
            with self._lock:
                self.killed += 1
            raise RuntimeError("the process of the slice was killed")
        return answer


@pytest.fixture
def crawls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crawls]:
    monkeypatch.setattr(board, "REST_S", 0.05)
    with sharded_site(pages=4, run=tmp_path / "run") as site:
        yield site


@pytest.mark.promise("P34", "P35")
@pytest.mark.parametrize("point", NAMES)
def test_a_slice_that_is_killed_loses_and_doubles_nothing(crawls: Crawls, point: str) -> None:
    workers = DyingWorkers(point, kills=SHARDS)
    crawls.crawl(workers)
    assert workers.killed >= SHARDS - 1
    crawls.check()
    records = sum(1 for _ in crawls.run.glob("shards/*/slices/*.json"))
    sessions = sum(each.sessions for each in standings(crawls.run))
    killed_in_crawl = {"crawled", "written"}
    assert (sessions - records > 0) == (point in killed_in_crawl), "sessions that have no record"
