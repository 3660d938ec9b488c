"""Parquet: types, row groups, and values of the same name that have different types."""

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.format_writer import page

from crawler.model.errors import StateError
from crawler.model.pages import Page
from crawler.sinks.jsonl import JsonlEncoder
from crawler.sinks.parquet import file as parquet
from crawler.sinks.parquet.file import write_pages
from crawler.sinks.parquet.shapes import NOTHING, Shape
from crawler.sinks.record_file import RecordFile


def source(folder: Path, *pages: Page, name: str = "pages.jsonl") -> RecordFile:
    path = folder / name
    path.write_bytes(b"".join(map(JsonlEncoder().encode, pages)))
    return RecordFile(path, path.stat().st_size)


def written(folder: Path, *pages: Page) -> pa.Table:
    path = folder / "pages.parquet"
    path.unlink(missing_ok=True)
    write_pages([source(folder, *pages)], path)
    return pq.read_table(path)


def test_columns_have_types(tmp_path: Path) -> None:
    schema = written(tmp_path, page(1)).schema
    assert schema.field("host").type == pa.dictionary(pa.int32(), pa.string())
    assert schema.field("fetched_at").type == pa.timestamp("us", "UTC")
    assert schema.field("status").type == pa.int64()
    assert schema.field("elapsed_ms").type == pa.float64()
    assert schema.field("links").type.value_type == pa.string()
    fields = pa.struct([("price", pa.string()), ("photos", pa.list_(pa.string()))])
    assert str(schema.field("fields").type).replace("element", "item") == str(fields).replace(
        "element", "item"
    )
    assert schema.names[1:15] == list(Page.__struct_fields__[:14])
    assert "html" not in schema.names


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://me:pw@a.example:8080/x@y", "a.example"),
        ("https://[::1]:80/", "[::1]"),
        ("http://a.example?b", "a.example"),
    ],
)
def test_the_host_is_a_column(tmp_path: Path, url: str, host: str) -> None:
    one = msgspec.structs.replace(page(0), url=url)
    assert written(tmp_path, one)["host"].to_pylist() == [host]


def test_html_and_columns_of_the_input_are_kept(tmp_path: Path) -> None:
    first = msgspec.structs.replace(page(0), html="<p>" * 500_000, input={"line": 2, "id": "7"})
    table = written(tmp_path, first, page(1))
    assert table["html"].to_pylist() == ["<p>" * 500_000, None]
    assert table["input"].to_pylist() == [{"line": 2, "id": "7"}, None]


def test_a_run_without_pages_gives_a_whole_file(tmp_path: Path) -> None:
    table = written(tmp_path)
    assert (table.num_rows, "url" in table.schema.names) == (0, True)


def test_row_groups_have_whole_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_ROW_GROUP_BYTES", 3000)
    pages = [page(number) for number in range(50)]
    table = written(tmp_path, *pages)
    assert table["url"].to_pylist() == [each.url for each in pages]
    assert pq.ParquetFile(tmp_path / "pages.parquet").num_row_groups > 5


def test_several_files_become_one(tmp_path: Path) -> None:
    one = source(tmp_path, page(0), name="1.jsonl")
    two = source(tmp_path, msgspec.structs.replace(page(1), fields={"n": 1}), name="2.jsonl")
    write_pages([one, two], tmp_path / "all.parquet")
    found = pq.read_table(tmp_path / "all.parquet")["fields"].to_pylist()
    assert [each["n"] for each in found] == [None, 1]


@pytest.mark.parametrize("content", [b'{"url": 3}\n', b"not json\n", b'{"url": "torn'])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"pages\.jsonl: is damaged or was changed"):
        write_pages([RecordFile(path, len(content))], tmp_path / "x.parquet")


def test_a_file_that_lost_records_is_refused(tmp_path: Path) -> None:
    whole = source(tmp_path, page(0))
    with pytest.raises(StateError, match=r"pages\.jsonl: has \d+ bytes, but \d+ were written"):
        write_pages([RecordFile(whole.path, whole.size + 1)], tmp_path / "x.parquet")


def test_what_is_not_committed_is_not_read(tmp_path: Path) -> None:
    whole = source(tmp_path, page(0))
    with whole.path.open("ab") as file:
        file.write(b'{"url": "torn')
    write_pages([whole], tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 1


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("a\0é\n", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(values=st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), max_size=5))
def test_any_values_fit_their_common_type(
    values: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No value is lost: it comes back as it was, or as the JSON of it."""
    folder = tmp_path_factory.mktemp("values")
    pages = [msgspec.structs.replace(page(0), fields=each) for each in values]
    found = written(folder, *pages)["fields"].to_pylist()
    assert len(found) == len(values)
    for value, cell in zip(values, found, strict=True):
        assert same(value, cell), (value, cell)


def same(value: Any, cell: Any) -> bool:
    """Whether a cell says what ``value`` is; a name that a struct has more is None."""
    if isinstance(cell, str) and not isinstance(value, str):
        return bool(msgspec.json.decode(cell) == value)
    if isinstance(value, dict) and isinstance(cell, dict):
        return all(same(value.get(name), each) for name, each in cell.items()) and all(
            name in cell for name in value
        )
    if isinstance(value, list) and isinstance(cell, list):
        return len(value) == len(cell) and all(map(same, value, cell))
    return bool(value == cell) or (
        isinstance(value, str) and cell == msgspec.json.encode(value).decode()
    )


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([1, 2.5], [1.0, 2.5]),
        ([1, 2**60], [1, 2**60]),
        ([2**60 + 1, 2.5], ["1152921504606846977", "2.5"]),
        ([2**64, 1], ["18446744073709551616", "1"]),
        ([True, 1], ["true", "1"]),
        ([None, "a"], [None, "a"]),
        ([{}, {"b": 1}], [{"b": None}, {"b": 1}]),
        ([{}, {}], ["{}", "{}"]),
        ([[], [1]], [[], [1]]),
        (["a", 1, None], ['"a"', "1", None]),
    ],
)
def test_a_common_type(tmp_path: Path, values: list[Any], cells: list[Any]) -> None:
    pages = [msgspec.structs.replace(page(0), fields={"a": each}) for each in values]
    found = written(tmp_path, *pages)["fields"].to_pylist()
    assert [each["a"] for each in found] == cells


def test_an_object_with_a_thousand_names_is_data() -> None:
    shape = NOTHING
    for number in range(1001):
        shape = shape.merged(Shape.of({f"name{number}": 1}))
    assert shape.is_json
