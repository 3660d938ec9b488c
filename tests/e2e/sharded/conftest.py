"""Crawls the same made-up web with and without shards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Crawl, Run
from support.sharded_web import SHARDED, USUAL, Record, found

Found = dict[str, list[Record]]
Sharded = Callable[..., Run]
Both = Callable[..., Found]


@pytest.fixture
def sharded(crawl: Crawl) -> Sharded:
    """Crawl in shards, by default into the folder ``sharded``."""

    def run(*arguments: object, name: str = "sharded", code: int = 0, **options: Any) -> Run:
        done = crawl(*USUAL, *SHARDED, *arguments, name=name, **options)
        assert (done.code, done.err) == (code, ""), done.err
        return done

    return run


@pytest.fixture
def both(crawl: Crawl, sharded: Sharded, tmp_path: Path) -> Both:
    """Crawl with and without shards; return the records. They and the counts must be the same."""

    def run(*arguments: object, **options: Any) -> Found:
        alone = crawl(*USUAL, *arguments, name="alone", **options)
        assert (alone.code, alone.err) == (0, "")
        divided = sharded(*arguments, **options)
        assert divided.report["urls"] == alone.report["urls"]
        expected = found(tmp_path / "alone")
        assert found(tmp_path / "sharded") == expected
        return expected

    return run
