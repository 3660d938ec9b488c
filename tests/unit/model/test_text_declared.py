"""Declarations in HTML that is not well-formed: the HTML parser itself says what a <meta> is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crawler.model.text import label
from crawler.model.text_declared import _in_content, in_html

PIECES = [
    *("<meta ", "<meta charset=koi8-r>", "<META CHARSET='big5'>", "charset=", "charset", "koi8-r"),
    *(" content=", " http-equiv=content-type ", "content='text/html; charset=big5'", '<b a="'),
    *("<!--", "-->", "--!>", "<!-", "<!x", "<?x", "</", "<p ", "</p>", "<", "=", "/", "'", '"'),
    *("<script>", "<script>", "</script>", "</script ", "<title>", "</title>", "<textarea>"),
    *("</textarea>", "<style>", "</style>", "<iframe>", "</iframe>", "a", " ", "\n", ">"),
]  # fmt: skip
LATE = " " * 1024
"""So that there is nothing for the prescan, which finds more."""


def first_meta(html: str) -> str | None:
    """The first known character set of a <meta> in the tree."""
    for meta in LexborHTMLParser(html).css("meta"):
        attributes = {name: value or "" for name, value in meta.attributes.items()}
        found = label(attributes.get("charset"))
        if found is None and attributes.get("http-equiv") == "content-type":
            found = _in_content(attributes.get("content", "").encode())
        if found:
            return found
    return None


@pytest.mark.promise("P88")
@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_a_meta_is_what_the_html_parser_makes_a_meta(pieces: list[str]) -> None:
    html = LATE + "".join(pieces)
    assert in_html(html.encode()) == first_meta(html)
