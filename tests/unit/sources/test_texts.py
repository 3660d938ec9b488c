"""Texts from Python and of the command line: the rules of a list, and as many lines as texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.list_cases import CASES, A, ListCase

from crawler.model.urls import UrlError
from crawler.sources import InputLine, lines, parse
from crawler.sources.input_line import BLANK
from crawler.sources.plain_urls import is_clear
from crawler.sources.texts import judged
from crawler.sources.url_text import line_text, urls_in

IN_ONE_TEXT = [
    ListCase(f"{A}/1\n", ("/1",), "the line end is no part of a line"),
    ListCase(f"{A}/1\r\n", ("/1",), "the line end is no part of a line"),
    ListCase(f"{A}/1\n2", None, "half of a URL is none"),
    ListCase(f"{A}/1\n{A}/2 # x\n\n# y\n{A}/3\n", ("/1", "/2", "/3"), "a text of lines"),
    ListCase(f"{A}/1 # x\n{A}/2\n3", None, "a text is taken wholly or not at all"),
    ListCase(f"{A}/ok?a # x", ("/ok?a",), "a comment"),
    ListCase("", (), "a blank line"),
    ListCase("\n", (), "a blank line"),
    ListCase(f"{A}/\ud800", None, "not a text"),
    *CASES,
]


@pytest.mark.promise("P83", "P97")
@pytest.mark.parametrize("case", IN_ONE_TEXT, ids=lambda case: ascii(case.says))
def test_a_text_is_a_line(case: ListCase) -> None:
    found = [parse(line) for line in judged([case.says])]
    assert found
    good = [line.url for line in found if line.wrong is None and line != BLANK]
    assert good == [A + path for path in case.paths or ()]
    assert any(line.wrong is not None for line in found) == (case.paths is None)


@pytest.mark.promise("P83", "P97")
@pytest.mark.parametrize("case", IN_ONE_TEXT, ids=lambda case: ascii(case.says))
def test_an_argument_is_one_url_or_a_failure(case: ListCase) -> None:
    if "://" not in case.says:
        return
    (found,) = map(parse, lines([case.says]))
    if case.paths is not None and len(case.paths) == 1:
        assert found == InputLine(A + case.paths[0])
    else:
        assert found.wrong


def test_what_is_no_text_stays() -> None:
    line = InputLine("http://a.example/", line=5, row={"n": "1"})
    assert list(judged([line, BLANK])) == [line, BLANK]


@pytest.mark.promise("P83")
def test_a_refused_text_takes_no_place_of_a_url() -> None:
    found = [parse(line) for line in judged([f"{A}/1,", f"<{A}/1,>", "x y", "x y"])]
    assert len({line.url for line in found}) == 4
    assert [line.wrong is None for line in found] == [False, True, False, False]


PARTS = [*("http://", "https://", "a.example", "/", "?", "#", ":", ",", ";", "|", "x", '"', " ")]


@given(st.lists(st.sampled_from([*PARTS, "\t", "\n", ">", "<", "é", "\u200b", "\\"])))
def test_what_is_clear_needs_no_rules(parts: list[str]) -> None:
    text = "".join(parts)
    if is_clear(text):
        assert line_text(text) == text
        try:
            assert urls_in(text) == (text,)
        except UrlError:
            pytest.fail(text)
