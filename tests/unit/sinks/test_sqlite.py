"""The database: its tables, its index for search, and what a resume removes from it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.format_writer import page

from crawler.model.errors import FailureKind, SkipReason, StateError
from crawler.model.pages import Failure, Skipped
from crawler.sinks.base import Sink, SinkTarget
from crawler.sinks.sqlite.writer import SqliteWriter, sqlite_sink

FAILED = [Failure("http://a.example/f", kind, "why", 3, 503) for kind in FailureKind]
LEFT_OUT = [Skipped("http://a.example/s", reason, "why", {"line": 3}) for reason in SkipReason]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pages.db"


@pytest.fixture
def sink(path: Path) -> Iterator[Sink]:
    sink = sqlite_sink(SinkTarget("pages", path))
    yield sink
    sink.writer.close()


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def encoded(sink: Sink, *records: Failure | Skipped) -> list[bytes]:
    assert sink.failures is not None
    assert sink.skips is not None
    return [
        sink.failures(each) if isinstance(each, Failure) else sink.skips(each) for each in records
    ]


def test_failures_and_skips_have_tables_and_share_the_numbers(sink: Sink, path: Path) -> None:
    sink.writer.append(b"".join(encoded(sink, FAILED[0], LEFT_OUT[0])))
    sink.writer.append(sink.encoder.encode(page(1)) + b"".join(encoded(sink, FAILED[1])))
    assert sink.writer.commit() == 4
    found = rows(path, "SELECT id, url, error, message, attempts, status, input FROM failures")
    assert found == [
        (1, FAILED[0].url, FAILED[0].error, "why", 3, 503, None),
        (4, FAILED[1].url, FAILED[1].error, "why", 3, 503, None),
    ]
    assert rows(path, "SELECT * FROM skips") == [
        (2, LEFT_OUT[0].url, LEFT_OUT[0].reason, "why", '{"line":3}')
    ]
    assert rows(path, "SELECT id, url, typeof(elapsed_ms), typeof(status) FROM pages") == [
        (3, page(1).url, "real", "integer")
    ]
    assert rows(path, "SELECT * FROM links") == [(3 << 20, 3, page(1).links[0])]


def test_links_have_the_order_of_the_page(sink: Sink, path: Path) -> None:
    """Each table has a rowid, without which DuckDB cannot read it."""
    links = tuple(f"http://a.example/{number}" for number in range(20_000, 0, -1))
    pages = [msgspec.structs.replace(page(0), links=links[:count]) for count in (20_000, 0, 3)]
    sink.writer.append(b"".join(map(sink.encoder.encode, pages)))
    sink.writer.commit()
    found = rows(path, "SELECT page, url FROM links ORDER BY rowid")
    assert found == [*((1, url) for url in links), *((3, url) for url in links[:3])]


def test_text_that_looks_like_a_row_is_no_row(sink: Sink, path: Path) -> None:
    odd = msgspec.structs.replace(page(1), title="[1,2],\n[2,", fields={"a": "[1,"}, links=("[2,",))
    sink.writer.append(sink.encoder.encode(odd) + sink.encoder.encode(page(2)))
    assert sink.writer.commit() == 2
    assert rows(path, "SELECT title, fields ->> '$.a' FROM pages WHERE id = 1") == [
        ("[1,2],\n[2,", "[1,")
    ]
    assert rows(path, "SELECT count(*) FROM failures UNION SELECT count(*) FROM skips") == [(0,)]


def test_pages_are_found_by_their_words_also_after_a_cut(sink: Sink, path: Path) -> None:
    words = ["green tea", "black tea", "coffee"]
    pages = [msgspec.structs.replace(page(0), title=each) for each in words]
    sink.writer.append(sink.encoder.encode(pages[0]))
    offset = sink.writer.commit()
    sink.writer.append(sink.encoder.encode(pages[1]))
    sink.writer.commit()
    query = "SELECT title FROM pages WHERE id IN (SELECT rowid FROM search('tea')) ORDER BY id"
    assert rows(path, query) == [("green tea",), ("black tea",)]
    sink.writer.cut(offset)
    sink.writer.append(sink.encoder.encode(pages[2]))
    sink.writer.commit()
    assert rows(path, query) == [("green tea",)]
    assert rows(path, "SELECT title FROM search('coffee')") == [("coffee",)]
    check = "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)"
    assert rows(path, check) == []


def test_a_cut_removes_records_of_every_table(sink: Sink, path: Path) -> None:
    sink.writer.append(b"".join(encoded(sink, FAILED[0], LEFT_OUT[0])))
    offset = sink.writer.commit()
    sink.writer.append(sink.encoder.encode(page(3)) + b"".join(encoded(sink, *FAILED, *LEFT_OUT)))
    sink.writer.commit()
    sink.writer.cut(offset)
    for table, left in (("failures", 1), ("skips", 1), ("pages", 0), ("links", 0)):
        assert rows(path, f"SELECT count(*) FROM {table}") == [(left,)]


def test_records_are_forgotten_by_their_ends(sink: Sink, path: Path) -> None:
    sink.writer.append(b"".join(encoded(sink, *FAILED, *LEFT_OUT)))
    offset = sink.writer.commit()
    assert isinstance(sink.writer, SqliteWriter)
    sink.writer.forget({FailureKind.TIMEOUT, SkipReason.ROBOTS})
    ends = {
        end for (end,) in rows(path, "SELECT error FROM failures UNION SELECT reason FROM skips")
    }
    assert ends == {*FailureKind, *SkipReason} - {FailureKind.TIMEOUT, SkipReason.ROBOTS}
    sink.writer.cut(offset)
    sink.writer.append(b"".join(encoded(sink, FAILED[0])))
    assert sink.writer.commit() == offset + 1


def test_only_one_file_is_left_and_a_reader_does_not_prevent_the_end(path: Path) -> None:
    sink = sqlite_sink(SinkTarget("pages", path))
    sink.writer.append(sink.encoder.encode(page(0)))
    sink.writer.commit()
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM pages").fetchone() == (1,)
        sink.writer.close()
    assert rows(path, "SELECT count(*) FROM pages") == [(1,)]
    again = sqlite_sink(SinkTarget("pages", path, resumed=True))
    again.writer.cut(1)
    again.writer.close()
    assert [each.name for each in path.parent.iterdir()] == ["pages.db"]


def test_the_database_of_somebody_else_is_not_changed(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (a)")
    before = path.read_bytes()
    with pytest.raises(StateError, match=r"pages\.db: is a database, but no output of a crawl"):
        sqlite_sink(SinkTarget("pages", path, resumed=True))
    assert path.read_bytes() == before


def test_the_log_of_another_database_is_not_used(path: Path) -> None:
    path.with_name("pages.db-wal").write_bytes(b"mine")
    with pytest.raises(StateError, match=r"pages\.db-wal: exists, but its database does not"):
        sqlite_sink(SinkTarget("pages", path))
    assert [each.name for each in path.parent.iterdir()] == ["pages.db-wal"]
