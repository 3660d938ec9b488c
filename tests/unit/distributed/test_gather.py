"""Files of a run are made from what its shards have committed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.shards import make_shard

from crawler.app.run_dir import Run, begin
from crawler.distributed.checks import check
from crawler.distributed.gather import join, own_outputs, prepare
from crawler.model.errors import StateError, UsageError
from crawler.runs.layout import PAGES, RECORD, SHARDS
from crawler.settings import Settings

FIRST, SECOND = b'{"url":"a"}\n', b'{"url":"b"}\n{"url":"c"}\n'


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run with two shards, of which the second has written more than it has committed."""
    out = (str(tmp_path / "out" / "pages.jsonl"), "-")
    record = str(tmp_path / "found.warc")
    settings = Settings(run=str(tmp_path / "run"), sources=("list",), out=out, record=record)
    with begin(settings) as begun:
        prepare(begun.settings)
        (begun.directory / SHARDS).mkdir()
        for number, pages in enumerate((FIRST, SECOND)):
            offsets = {PAGES: len(pages), RECORD: 4}
            shard = make_shard(begun.directory, number, offsets=offsets)
            (shard / PAGES).write_bytes(pages + b'{"url":"torn' * number)
            (shard / "record").mkdir()
            (shard / "record" / "found.warc").write_bytes(b"WARC and more")
        yield begun


def test_only_what_was_committed_is_joined(
    run: Run, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    pages, record = Path(str(run.settings.out[0])), Path(str(run.settings.record))
    pages.with_name("pages.jsonl.part").write_bytes(b"longer, and left by a kill" * 9)
    join(run)
    assert pages.read_bytes() == FIRST + SECOND
    assert record.read_bytes() == b"WARCWARC"
    assert capfdbinary.readouterr().out == FIRST + SECOND
    assert [path.name for path in pages.parent.iterdir()] == ["pages.jsonl"]


def test_nothing_is_printed_twice(run: Run, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    join(run)
    capfdbinary.readouterr()
    join(run)
    assert capfdbinary.readouterr().out == b""


def test_a_file_that_lost_pages_is_named(run: Run) -> None:
    join(run)
    lost = run.directory / SHARDS / "0001" / PAGES
    lost.write_bytes(SECOND[:-1])
    with pytest.raises(StateError, match=rf"{lost}: is shorter.*restore"):
        join(run)
    assert Path(str(run.settings.out[0])).read_bytes() == FIRST + SECOND, "the old one stays"


def test_a_place_that_cannot_be_written_is_named_before_the_crawl(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="file"):
        prepare(Settings(out=str(tmp_path / "file" / "pages.jsonl")))
    prepare(Settings(out=str(tmp_path / "pages.jsonl"), record=str(tmp_path / "a.warc")))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_shard_has_outputs_of_its_own() -> None:
    settings = Settings(out="pages.jsonl", record="/x/all.warc.gz", log_file="/x/crawl.log")
    assert own_outputs(settings, Path("/run/shards/0007")) == {
        "out": (),
        "record": "/run/shards/0007/record/all.warc.gz",
        "log_file": "/run/shards/0007/log-crawl.log",
    }


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(UsageError, match="--out"):
        check(Settings(on="local", out="pages.txt"))
