"""Where the URLs are in lines of lists and in cells of tables."""

import io
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.list_cases import CASES, A, ListCase

from crawler.model.urls import UrlError
from crawler.sources import InputLine, lines, parse
from crawler.sources.input_line import Refusals
from crawler.sources.plain_urls import is_plain, plain_lines
from crawler.sources.url_text import line_text, one_url, urls_in


def read(data: bytes, **options: str) -> list[InputLine]:
    return [parse(line) for line in lines(["-"], stdin=lambda: io.BytesIO(data), **options)]


@pytest.mark.promise("P83", "P97")
@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.says))
def test_a_line_of_a_list(case: ListCase) -> None:
    found = read(f"\n\n{case.says}\n".encode())
    assert [line.url for line in found if line.wrong is None] == [
        A + path for path in case.paths or ()
    ]
    wrong = [line.wrong for line in found if line.wrong is not None]
    assert len(wrong) == (case.paths is None)
    assert all(why.startswith("line 3: ") for why in wrong)


BYTES = [  # the bytes of a line, the path that is requested or None, why
    (b"http://a.example/caf\xe9", "/caf%E9", "Latin-1: the byte stays itself"),
    (b"http://a.example/?q=caf\xe9", "/?q=caf%E9", "Latin-1: the byte stays itself"),
    (b"http://a.example/\xe9\xc3\xa9", "/%E9%C3%A9", "all bytes stay themselves"),
    (b"http://a.example/\x93\xfa\x96{", "/%93%FA%96%7B", "Shift_JIS; URL Standard: { is escaped"),
    (b"http://a.example/#\xe9", "/", "RFC 3986, 3.5: a fragment is not sent"),
    (b"http://a.example/x #\xe9", "/x", "a comment"),
    (b"http://caf\xe9.example/", None, "a host has no bytes (RFC 3986, 3.2.2)"),
    (b"http://u\xe9:p@a.example/", None, "nor has the login"),
    (b"http:\\\\caf\xe9.example/", None, "URL Standard: a backslash is a slash"),
    (b"http://a.example/\x95\\x", None, "Shift_JIS: the backslash is half of a character"),
    (b"http://a.example/x\xa0", None, "Latin-1: a no-break space, or GBK: half of a character"),
    (b"http://a.example/\xed\xa0\xbd\xed\xb8\x80", None, "RFC 3629, 3: no surrogates in UTF-8"),
]


@pytest.mark.promise("P83")
@pytest.mark.parametrize(("says", "path", "rule"), BYTES)
def test_bytes_that_are_not_utf_8(says: bytes, path: str | None, rule: str) -> None:
    (line,) = read(says + b"\n")
    assert (line.url if line.wrong is None else None) == (path and A + path), rule
    assert line.url.isprintable()
    assert "\udce9" not in line.url + (line.wrong or "")


@pytest.mark.promise("P84", "P97")
@pytest.mark.parametrize(
    ("cell", "url"),
    [
        ("http://a.example/x,y", "http://a.example/x,y"),
        ("\u200b http://a.example/\u00a0", "http://a.example/"),
        ("<http://a.example/>", "http://a.example/"),
        ("http://a.example/1 http://a.example/2", None),
        ("http://a.example/1|http://a.example/2", None),
        ("http://a.example/1\nhttp://a.example/2", None),
        ("http://a.example/1\thttp://a.example/2", None),
        ("http://a.example/my file", None),
        ("http://a.example/\u200bx", None),
    ],
)
def test_a_cell_has_one_url(cell: str, url: str | None) -> None:
    (line,) = read(f'n,url\n1,"{cell}"\n'.encode(), column="url")
    assert (line.url if line.wrong is None else None) == url
    assert line.row == {"n": "1"}
    assert line.wrong is None or line.wrong.startswith("line 2: ")


def test_a_message_names_what_cannot_be_seen() -> None:
    with pytest.raises(UrlError, match=r"invisible character U\+200B \(ZERO WIDTH SPACE\)"):
        one_url("http://a.example/\u200bx")


@pytest.mark.promise("P83")
def test_every_refused_line_is_an_entry_of_its_own() -> None:
    refusals = Refusals(several=True)
    long, url = "x" * 600, "http://a.example/"
    texts = ["nonsense", "nonsense", long, f"{long}y", url, "nonsense"]
    found = [refusals.line(text, "why", "list", n) for n, text in enumerate(texts, 1)]
    assert len({line.url for line in found} - {url}) == len(texts)
    assert [line.wrong for line in found] == [f"list, line {n}: why" for n in range(1, 7)]
    assert found[0].url == "nonsense"


@pytest.mark.promise("P05")
def test_no_password_is_in_a_refused_line() -> None:
    for line in read(b"http://u:s3cret@a.example/ x\nftp://u:s3cret@a.example/,\n"):
        assert line.wrong
        assert "s3cret" not in line.url + line.wrong


@pytest.mark.promise("P83", "P84")
@pytest.mark.parametrize("code", ["utf-8", "utf-16"])
@pytest.mark.parametrize("header", ["url,title", '"URL";Title', "Url\ttitle", "url |title"])
def test_a_table_is_not_read_as_a_list(tmp_path: Path, header: str, code: str) -> None:
    """http://a.example/,Tea would be a valid URL."""
    delimiter = re.sub('[a-zA-Z" ]', "", header)
    data = f"{header}\nhttp://a.example/{delimiter}Tea\n".encode(code)
    path = tmp_path / "list.txt"
    path.write_bytes(data)
    wanted = [InputLine("http://a.example/", line=2, row={re.split(r"\W+", header)[-1]: "Tea"})]
    assert read(data) == list(lines([str(path)])) == wanted
    stream = io.BufferedReader(Unseekable(data))
    assert list(lines(["-"], stdin=lambda: stream)) == wanted


@pytest.mark.promise("P84")
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("first", "delimiter"),
    [("sep=;", ";"), ('"sep=;"', ";"), ("SEP=^", "^"), ("sep=\t", "\t"), ("sep=| ", "|")],
)
def test_a_named_separator_begins_a_table(
    tmp_path: Path, first: str, delimiter: str, end: str, code: str
) -> None:
    text = end.join([first, f"name{delimiter}url", f"Tea{delimiter}http://a.example/", ""])
    data = text.encode(code)
    path = tmp_path / "list.txt"
    path.write_bytes(data)
    wanted = [InputLine("http://a.example/", line=3, row={"name": "Tea"})]
    assert read(data) == list(lines([str(path)])) == wanted
    stream = io.BufferedReader(Unseekable(data))
    assert list(lines(["-"], stdin=lambda: stream)) == wanted


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize(
    "first", ["# url,title", "url", "http://a.example/url,x", "see, urls", "", "\n\n"]
)
def test_other_lists_are_lists(first: str) -> None:
    data = f"{first}\nhttp://b.example/\n".encode()
    assert read(data)[-1].url == "http://b.example/"
    stream = io.BufferedReader(Unseekable(data))
    assert parse(list(lines(["-"], stdin=lambda: stream))[-1]).url == "http://b.example/"


PARTS = [
    *("http://", "https://", "a.example", "xn--", "127.0.0.1", "256.1.1.1", "0x", "1", ".", "-"),
    *("/", "?", "#", ":", ":80", "@", ",", ";", "|", "%", "'", "x", "[", "\\", "é", " ", "\r"),
    *(":5999", "9"),
]


@given(st.lists(st.sampled_from(PARTS)))
def test_what_is_plain_needs_no_judgement(parts: list[str]) -> None:
    text = "".join(parts)
    if is_plain(text.encode()):
        assert urls_in(line_text(text)) == (text,)
        assert parse(text).wrong is None
    if (found := plain_lines(f"{text}\n".encode())) is not None:
        assert all(is_plain(line.encode()) for line in found)


@pytest.mark.parametrize("port", ["1", "8080", "10000", "54071", "59999"])
def test_a_url_with_a_port_is_plain(port: str) -> None:
    url = f"http://127.0.0.1:{port}/x"
    assert is_plain(url.encode())
    assert plain_lines(f"{url}\n{url}\n".encode()) == [url, url]


@pytest.mark.parametrize("port", ["60000", "65536", "99999", "100000", "540710"])
def test_a_port_that_may_be_too_large_is_judged(port: str) -> None:
    assert not is_plain(f"http://127.0.0.1:{port}/".encode())


@pytest.mark.promise("P83")
@pytest.mark.parametrize("piece", [" ", "\t", "\u200b", "#", " #", ",", '"', "<", "@", "\\", ":/"])
def test_a_long_line_takes_linear_time(piece: str) -> None:
    line = f"http://a.example/{piece * 100_000}y\n".encode()
    began = time.thread_time()
    read(line)
    assert time.thread_time() - began < 0.5
