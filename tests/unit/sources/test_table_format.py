"""How tables separate their cells, and rows whose quotes are not right."""

import csv
import io
import time

import pytest

from crawler.model.errors import UsageError
from crawler.settings import Settings
from crawler.sources import InputLine
from crawler.sources import table_rows as rows
from crawler.sources.table import Table

A, B, C = "http://a.example/", "http://b.example/", "http://c.example/"


def table(text: str | bytes, column: str = "url", delimiter: str | None = None) -> list[InputLine]:
    data = text.encode() if isinstance(text, str) else text
    return list(Table(io.BytesIO(data), "t", delimiter, column))


def good(found: list[InputLine]) -> list[str]:
    return [line.url for line in found if line.wrong is None]


def wrong(found: list[InputLine]) -> dict[int, str]:
    return {line.line or 0: line.wrong for line in found if line.wrong is not None}


FOUND = [  # a table with the URL ``A``, and what else its row has
    (f"n,url\n1,{A}\n", {"n": "1"}),
    (f"n;url\n1;{A}\n", {"n": "1"}),
    (f"n\turl\n1\t{A}\n", {"n": "1"}),
    (f"n|url\n1|{A}\n", {"n": "1"}),
    (f"n;URL ;x,y\n1;{A};2,3\n", {"n": "1", "x,y": "2,3"}),
    (f'"n;m";" Url "\n"1;2";"{A}"\n', {"n;m": "1;2"}),
    (f'"n\nm";url\n1;{A}\n', {"n\nm": "1"}),
    (f"\n\nn;url\n1;{A}\n", {"n": "1"}),
    (f"\ufeffn;\u200burl\n1;{A}\n", {"n": "1"}),
    (f"sep=;\nn;url\n1;{A}\n", {"n": "1"}),  # Excel writes and reads such a line
    (f'"sep=|"\r\nn|url\r\n1|{A}\r\n', {"n": "1"}),
    (f"SEP=\t\rn\turl\r1\t{A}\r", {"n": "1"}),
    (f"sep=^\nn^url,x\nn^{A}\n", None),  # no such column with the delimiter that it names
    (f"url\n{A}\n", {}),
]


@pytest.mark.promise("P84")
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("text", "row"), FOUND)
def test_the_delimiter_is_found(text: str, row: dict[str, str] | None, code: str) -> None:
    data = text.removeprefix("\ufeff").encode(code)
    if row is None:
        with pytest.raises(UsageError, match="has no column 'url'; it has: n, url,x"):
            table(data)
        return
    (line,) = table(data)
    assert (line.url, line.wrong, line.row) == (A, None, row)


@pytest.mark.promise("P84")
def test_commas_in_urls_of_a_table_with_semicolons() -> None:
    assert good(table(f"n;url\n1;{A}x,y;z\n2;{A}p,q\n")) == [f"{A}p,q"]
    assert wrong(table(f"n;url\n1;{A}x,y;z\n")) == {2: "line 2: 3 cells for 2 columns"}


@pytest.mark.promise("P84")
@pytest.mark.parametrize("delimiter", [",", ";", "|", "^", ":", " ", "\x01", "§", "\t"])
def test_the_delimiter_is_given(delimiter: str) -> None:
    text = f"n{delimiter}url\n1{delimiter}{A}\n"
    if delimiter == ":":  # it is in the URL, too
        assert wrong(table(text, delimiter=delimiter)) == {2: "line 2: 3 cells for 2 columns"}
        text = f'n:url\n1:"{A}"\n'
    (line,) = table(text, delimiter=delimiter)
    assert (line.url, line.row) == (A, {"n": "1"})
    (line,) = table(f"sep=x\n{text}", delimiter=delimiter)  # and is more than what a line says
    assert line.line == 3


@pytest.mark.promise("P84")
@pytest.mark.parametrize(
    ("given", "means"), [("tab", "\t"), (r"\t", "\t"), ("\t", "\t"), (";", ";")]
)
def test_names_of_a_tab(given: str, means: str) -> None:
    assert Settings(delimiter=given).cell_delimiter == means


@pytest.mark.promise("P84")
@pytest.mark.parametrize("given", ["", ";;", '"', "\n", "\r", "\0", "tabs"])
def test_what_is_no_delimiter_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"delimiter must be C"):
        Settings(delimiter=given)


QUOTES = [  # rows after the header "a,url,b"; the URLs that are requested; the lines that fail
    (f'"1,{A},x\n2,{B},y\n', [B], {2}),
    (f'1,{A},"x\n2,{B},y\n3,{C},z\n', [B, C], {2}),
    (f'1,{A},"x\n2,{B},"y"\n3,{C},z\n', [B, C], {2}),
    (f'1,{A},"x\n2,{B},y"\n3,{C},z\n', [B, C], {2}),
    (f'"x\n1,{A},",m"\n', [A], {2}),
    (f'1,"{A}\n2,{B},y\n3,"{C}",z\n', [B, C], {2}),
    (f'"x,{A},1\n"y,{B},2\n"z",{C},3\n', [C], {2, 3}),
    (f'"x,{A},1\n2,{B},"q""r"\n', [B], {2}),
    (f'1,{A},"two\nlines"\n2,{B},y\n', [A, B], set()),
    (f'"two\nlines",{A},x\n2,{B},y\n', [A, B], set()),
    (f'"see\nhttp://no.example/, and,\nmore",{A},x\n', [A], set()),
    (f'"Tea" special,{A},5" x\n', [A], set()),  # not RFC 4180, but its URL is clear
    (f'1,"{A}"x,y\n2,{B},z\n', [B], {2}),
    (f"1,{A}\n2,{B},y,\n3,{C},z,w\n", [A, B], {4}),
    (f"1\n,,\n2,,x\n3,{C},z\n", [C], {2, 4}),
    (f"1,{A},\0\x01\n2,{B}\0x,y\n", [A], {3}),
    (f"1,{A},x\r2,{B},y\r\n3,{C},z\n", [A, B, C], set()),
]


@pytest.mark.promise("P84")
@pytest.mark.parametrize(("text", "urls", "lines"), QUOTES)
def test_a_damaged_row_costs_that_row(text: str, urls: list[str], lines: set[int]) -> None:
    found = table(f"a,url,b\n{text}")
    assert good(found) == urls
    assert set(wrong(found)) == lines
    assert all(why.startswith(f"line {number}: ") for number, why in wrong(found).items())


@pytest.mark.promise("P84")
@pytest.mark.parametrize(
    "text",
    [
        'url\n"x',
        'url\n"x"y\n',
        f'url\n"{"x" * 200_000}\n',
        f"url\n{'x' * 200_000}\n",
        f"url\n{'x,' * 600_000}\n",
        f"url\n{'x' * 2_000_000}\n",
        'url\n"x\r\n"y\r\n',
        "url\n\0\n",
    ],
)
def test_messages_of_the_csv_module_reach_no_person(text: str) -> None:
    csv_words = ("field", "limit", "expected", "unexpected", "new-line", "NUL", "iterator")
    found = wrong(table(text))
    assert found
    assert not [word for why in found.values() for word in csv_words if word in why]


@pytest.mark.promise("P84")
def test_other_cells_may_have_bytes_that_are_not_utf_8() -> None:
    (line,) = table(b"gr\xf6\xdfe,url\nm\xfc,http://a.example/\xfc\n")
    assert line.url == "http://a.example/%FC"
    assert line.row == {"gr\\xf6\\xdfe": "m\\xfc"}


@pytest.mark.promise("P84")
def test_open_quotes_take_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line opens a cell that the next one closes and opens again, up to the largest row."""
    text = "url,n\n" + 'x","\n' * 100_000
    monkeypatch.setattr(rows, "_MOST_READ_AGAIN", 1 << 20)
    begin = time.process_time()
    found = table(f"{text}x\n{A}\n")
    assert time.process_time() - begin < 20
    assert "to line 100003: a quote without its end" in wrong(found)[found[-1].line or 0]
    assert csv.field_size_limit() == 131_072
