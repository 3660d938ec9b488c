"""``progress.json``: when it is replaced, and what happens if it cannot be."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.metrics.budget import Reading
from crawler.metrics.meter import Meter
from crawler.metrics.progress import CrawlSession, Queues, RunProgress
from crawler.reporting.live.progress_file import ProgressFile

NOW = datetime(2026, 11, 30, tzinfo=UTC)


class Reads:
    """Counts how often the progress is read; the count is the number of pages that wait."""

    count = 0

    def __call__(self) -> RunProgress:
        self.count += 1
        meter = Meter(8, lambda: Reading(1.0, 1.0, 0.0))
        snapshot, session = meter.snapshot(2.0, complete=False), CrawlSession(NOW, False, 1, "curl")
        queues = Queues(parse_pages=self.count)
        return RunProgress.of(NOW, session, snapshot, meter.figures(), queues, (), 0, ())


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.json"


@pytest.fixture
def file(path: Path, reads: Reads) -> Iterator[ProgressFile]:
    file = ProgressFile(path, reads)
    yield file
    file.close()


def version(path: Path) -> int:
    number = json.loads(path.read_bytes())["queues"]["parse_pages"]
    assert isinstance(number, int)
    return number


def test_each_commit_replaces_it_but_at_most_once_a_second(
    file: ProgressFile, reads: Reads
) -> None:
    for now, count in ((10.0, 1), (10.5, 1), (10.99, 1), (11.0, 2)):
        file.replace(now)
        file.settle()
        assert reads.count == count


def test_without_a_commit_it_is_replaced_later(file: ProgressFile, reads: Reads) -> None:
    file.replace(10.0)
    file.settle()
    for now, count in ((11.9, 1), (12.0, 2), (12.1, 2)):
        file.passed(now)
        file.settle()
        assert reads.count == count


def test_the_end_replaces_it_at_once(path: Path, reads: Reads) -> None:
    file = ProgressFile(path, reads)
    file.replace(10.0)
    file.close()
    assert version(path) == 2
    assert [each.name for each in path.parent.iterdir()] == ["progress.json"]


@pytest.mark.parametrize("part", [".progress.json.part", "progress.json"])
def test_a_symlink_in_its_place_is_replaced_and_not_followed(
    path: Path, reads: Reads, part: str
) -> None:
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_text("mine")
    path.with_name(part).symlink_to(elsewhere)
    ProgressFile(path, reads).close()
    assert elsewhere.read_text() == "mine"
    assert version(path) == 1
    assert not path.is_symlink()


def test_a_file_that_cannot_be_written_is_told_once(
    path: Path, reads: Reads, caplog: pytest.LogCaptureFixture
) -> None:
    path.mkdir()
    (path / "file").touch()
    file = ProgressFile(path, reads)
    with caplog.at_level(logging.WARNING):
        file.replace(10.0)
        file.settle()
        file.replace(20.0)
        file.close()
    assert [each.getMessage() for each in caplog.records] == [
        f"{path}: cannot be written (Is a directory); the crawl continues"
    ]
    assert [each.name for each in path.parent.iterdir()] == ["progress.json"]
