"""Tables of URLs: which column, what travels along, and what becomes of rows that are not right."""

import csv
import io
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.errors import UsageError
from crawler.sources import InputLine, lines
from crawler.sources.table import Table
from crawler.sources.table_rows import LONGEST_ROW


def table(data: bytes, column: str = "url", delimiter: str = ",") -> list[InputLine]:
    return list(Table(io.BytesIO(data), "t", delimiter, column))


def read(path: Path, data: bytes, column: str | None = None) -> list[str | InputLine]:
    path.write_bytes(data)
    return list(lines([str(path)], column))


def test_other_columns_and_the_line_are_kept() -> None:
    assert table(b"id,url,title\n7,http://a.example/,Hello\n8,http://b.example/x,\n") == [
        InputLine("http://a.example/", line=2, row={"id": "7", "title": "Hello"}),
        InputLine("http://b.example/x", line=3, row={"id": "8", "title": ""}),
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"n,URL\n1,http://a.example/\n"),
        ("a.CSV", b'\xef\xbb\xbf"Url",n\r\nhttp://a.example/,1\r\n'),
        ("a.tsv", b"n\turl\n1\thttp://a.example/\n"),
    ],
)
def test_the_suffix_decides_table_and_delimiter(tmp_path: Path, name: str, data: bytes) -> None:
    (wanted,) = read(tmp_path / name, data)
    assert isinstance(wanted, InputLine)
    assert (wanted.url, wanted.line) == ("http://a.example/", 2)
    assert wanted.row == {"n": "1"}


def test_a_named_column_makes_any_source_a_table(tmp_path: Path) -> None:
    data = b"link,url\nhttp://a.example/,no\n"
    wanted = [InputLine("http://a.example/", line=2, row={"url": "no"})]
    assert read(tmp_path / "list.txt", data, "LINK") == wanted
    assert list(lines(["-"], "link", stdin=lambda: io.BytesIO(data))) == wanted


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"id,link\n1,2\n", "has no column 'url'; it has: id, link"),
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"url,x,URL\n", "2 columns are named 'url'"),
        (b'"' + b"x" * 200_000, "the header row cannot be read"),
    ],
)
def test_a_table_without_the_column_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=says) as caught:
        lines(["http://first.example/", str(path)])
    assert str(path) in str(caught.value)


def test_only_blank_rows_are_left_out() -> None:
    blank, empty = table(b"a,url\n\n , \n,\nx,\nhttp://no/\n")
    assert blank == InputLine("t:5", wrong="line 5: no URL", line=5, row={"a": "x"})
    assert empty == InputLine("t:6", wrong="line 6: no URL", line=6, row={"a": "http://no/"})


def test_rows_may_be_shorter_but_not_longer() -> None:
    data = b"url,a\nhttp://a.example/\nhttp://b.example/,1,,\nhttp://u:p@c.example/?q=1,2,x\n"
    few, trailing, many = table(data)
    assert few == InputLine("http://a.example/", line=2, row={})
    assert trailing == InputLine("http://b.example/", line=3, row={"a": "1"})
    assert many.wrong == "line 4: 3 cells for 2 columns"
    assert "p@" not in many.url


def test_unnamed_columns_are_numbered() -> None:
    (wanted,) = table(b"x,url,x,\n1,http://a.example/,2,3\n")
    assert wanted.row == {"x": "1", "column 3": "2", "column 4": "3"}


def test_a_quoted_line_break_belongs_to_its_cell() -> None:
    first, second = table(b'a,url\n"1\n2",http://a.example/\n3,http://b.example/\n')
    assert first == InputLine("http://a.example/", line=2, row={"a": "1\n2"})
    assert second.line == 4


def test_a_wrong_url_keeps_its_row() -> None:
    (wanted,) = table(b"url,a\nftp://u:secret@a.example/,1\n")
    assert wanted.wrong
    assert (wanted.line, wanted.row) == (2, {"a": "1"})
    assert "secret" not in wanted.url


@pytest.mark.promise("P05")
def test_userinfo_in_a_table_is_separated() -> None:
    (wanted,) = table(b"url\nhttp://u:p@a.example/\n")
    assert wanted == InputLine("http://a.example/", "u:p", line=2, row={})


def test_an_open_quote_costs_only_its_rows() -> None:
    filler = b"x,http://lost.example/\n" * 8000
    data = b'a,url\n"open,http://lost.example/\n' + filler + b"y,http://z.example/\n"
    found = table(data)
    assert found[0].wrong
    assert "quote without its end" in found[0].wrong
    assert found[0].line == 2
    assert found[-1] == InputLine("http://z.example/", line=8003, row={"a": "y"})


def test_a_row_of_many_lines_is_bounded() -> None:
    # Every line closes a cell and opens the next, so that no cell is too long.
    data = b'url\n"x\n' + b'","%s\n' % (b"x" * 1000) * (LONGEST_ROW // 1000) + b'"\n'
    found = table(data)
    assert found[0].wrong == f"line 2: row of more than {LONGEST_ROW:,} characters"
    assert len(found) > 2


def test_endless_table_lines_are_read_in_pieces() -> None:
    found = table(b"url\nhttp://a.example/" + b"x" * 3_000_000 + b"\nhttp://a.example/\n")
    assert len(found) > 1
    assert all(wanted.wrong and len(wanted.url) <= 600 for wanted in found[:-1])
    assert found[-1] == InputLine("http://a.example/", line=3, row={})


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\r"))


@given(
    st.lists(st.text("abc", min_size=1).map("k".__add__), min_size=1, max_size=4, unique=True),
    st.lists(st.lists(cells, min_size=4, max_size=4), max_size=6),
    st.sampled_from([",", "\t"]),
)
def test_written_csv_is_read_back(
    columns: list[str], rows: list[list[str]], delimiter: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["url", *columns])
    for row in rows:
        writer.writerow(["http://a.example/", *row[: len(columns)]])
    found = table(text.getvalue().encode(), delimiter=delimiter)
    assert [wanted.row for wanted in found] == [
        dict(zip(columns, row, strict=False)) for row in rows
    ]


@pytest.mark.promise("P84")
def test_a_wide_header_takes_linear_time() -> None:
    header = ",".join(f"c{number}" for number in range(20_000))
    began = time.thread_time()
    (line,) = table(f"url,{header}\nhttp://a.example/{',' * 20_000}\n".encode())
    assert time.thread_time() - began < 0.5
    assert line.row is not None
    assert len(line.row) == 20_000
