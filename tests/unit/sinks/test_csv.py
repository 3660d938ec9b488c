"""Tables as CSV: quoting, columns of fields, and cells that a spreadsheet would run."""

import csv
import io
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.format_writer import page
from support.formats import unguarded

from crawler.model.errors import StateError
from crawler.model.pages import Page
from crawler.sinks.base import SinkTarget
from crawler.sinks.csv import CsvEncoder, csv_sink, guarded

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def rows(encoder: CsvEncoder, *pages: Page) -> list[dict[str, str]]:
    data = encoder.header() + b"".join(map(encoder.encode, pages))
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


@given(text=TEXT)
@example('"a"\r\nb,c\n\'')
@example("\0")
@example("")
def test_any_text_can_be_read_back(text: str) -> None:
    of_text = msgspec.structs.replace(page(0), title=text, fields={"a": text, "b": [text]})
    (row,) = rows(CsvEncoder(("a", "b"), html=False), of_text)
    assert (unguarded(row["title"]), unguarded(row["a"])) == (text, text)
    assert msgspec.json.decode(row["b"]) == [text]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-1+1", "'-1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("＝1", "'＝1"),
        ("'=1", "''=1"),
        ("-1", "-1"),
        ("+1.5e3", "+1.5e3"),
        ("-1,000.50", "-1,000.50"),
        ("'tis", "'tis"),
        ("Tea = good", "Tea = good"),
        ("", ""),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str, cell: str) -> None:
    assert guarded(text) == cell
    assert unguarded(cell) == text


@given(text=st.text("'=+-@\t1a.", max_size=6))
def test_the_guard_can_be_taken_away(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in set("=+@\t") or guarded(text)[1:].strip("0123456789.") == ""


def test_each_field_of_the_rules_has_a_column_and_no_name_is_there_twice() -> None:
    encoder = CsvEncoder(("price", "title", "fields.title"), html=True)
    with_html = msgspec.structs.replace(
        page(1), html="<p>", fields={"title": "of the rule", "other": 1}
    )
    (row,) = rows(encoder, with_html)
    assert row["price"] == ""
    assert (row["title"], row["fields.title"]) == (page(1).title, "of the rule")
    assert (row["fields.fields.title"], row["html"], row["input"]) == ("", "<p>", "")
    assert "fields" not in row


def test_values_that_are_no_text_are_json() -> None:
    fields = {"number": 1.5, "yes": True, "nothing": None, "many": {"a": [1]}}
    (row,) = rows(
        CsvEncoder(tuple(fields), html=False), msgspec.structs.replace(page(0), fields=fields)
    )
    assert [row[each] for each in fields] == ["1.5", "true", "", '{"a":[1]}']


def test_a_file_with_other_columns_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "pages.csv"
    sink = csv_sink(SinkTarget("pages", path, fields=("price",)))
    sink.writer.append(sink.encoder.encode(page(0)))
    offset = sink.writer.commit()
    sink.writer.close()
    before = path.read_bytes()
    other = csv_sink(SinkTarget("pages", path, resumed=True, fields=("name",)))
    with pytest.raises(StateError, match=r"pages\.csv: has other columns than this run"):
        other.writer.cut(offset)
    other.writer.close()
    assert path.read_bytes() == before


def test_each_record_of_a_page_has_a_row() -> None:
    encoder = CsvEncoder(("name", "record"), html=False, several=True)
    several = [{"name": "Green", "record": 9}, {"name": "Black"}]
    pages = [
        msgspec.structs.replace(page(n), fields=each)
        for n, each in enumerate([several, {"name": "one"}, [], None])
    ]
    found = rows(encoder, *pages)
    assert [(row["url"], row["record"], row["name"], row["fields.record"]) for row in found] == [
        (page(0).url, "1", "Green", "9"), (page(0).url, "2", "Black", ""),
        (page(1).url, "", "one", ""), (page(2).url, "", "", ""), (page(3).url, "", "", ""),
    ]  # fmt: skip
    assert list(found[0])[:3] == ["url", "record", "final_url"]


def test_records_of_a_function_are_json_in_one_column() -> None:
    encoder = CsvEncoder(None, html=False, several=True)
    found = rows(encoder, msgspec.structs.replace(page(0), fields=[{"a": 1}, {"b": [2]}]))
    assert [(row["record"], row["fields"]) for row in found] == [
        ("1", '{"a":1}'), ("2", '{"b":[2]}')
    ]  # fmt: skip
