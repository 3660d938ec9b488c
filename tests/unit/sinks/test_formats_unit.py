"""The table of formats: which one a name selects, and what is said where it cannot be used."""

from pathlib import Path

import pytest

from crawler.model.errors import UsageError
from crawler.sinks import formats
from crawler.sinks.base import SinkTarget
from crawler.sinks.formats import FORMATS, Format, files_of, format_of, make_sink


def test_the_longest_suffix_selects_the_format() -> None:
    assert format_of(Path("a.csv.jsonl.gz")) is FORMATS[".jsonl.gz"]
    assert format_of(Path("a.jsonl.gz.csv")) is FORMATS[".csv"]


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    says = r"--out x\.parquet: needs the package pyarrow: pip install 'simulcrawl\[parquet\]'"
    with pytest.raises(UsageError, match=says):
        format_of(Path("x.parquet"))
    assert format_of(Path("x.csv")) is FORMATS[".csv"]


def test_a_format_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    target = SinkTarget("pages", tmp_path / "x.new")
    with pytest.raises(UsageError, match=r"cannot load the format no_such_module:sink: No module"):
        make_sink(Format("no_such_module:sink"), target)
    with pytest.raises(UsageError, match=r"cannot load the format crawler:no_such_sink"):
        make_sink(Format("crawler:no_such_sink"), target)


def test_a_database_has_files_beside_it() -> None:
    names = [str(each) for each in files_of(Path("d/x.db"))]
    assert names == ["d/x.db", "d/x.db-wal", "d/x.db-shm", "d/x.db-journal"]
    assert files_of(Path("x.csv")) == [Path("x.csv")]
