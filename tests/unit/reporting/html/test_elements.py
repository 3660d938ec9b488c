from html.parser import HTMLParser
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reporting.html.elements import Markup, element, escape, join, visible


class Reader(HTMLParser):
    """Which elements there are, with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_text_stays_text(text: str) -> None:
    read = Reader(element("p", text, title=text))
    assert read.found == [("p", {"title": visible(text)})]
    assert read.text == visible(text)


@pytest.mark.parametrize(
    "hostile",
    ["</p><script>x</script>", "<img src=x onerror=y>", '"><b>', "&lt;", "'--><!--", "<!doctype"],
)
def test_hostile_text_adds_no_markup(hostile: str) -> None:
    assert [tag for tag, _ in Reader(element("p", hostile, id=hostile)).found] == ["p"]


@pytest.mark.promise("P17")
def test_invisible_characters_are_spelled_out() -> None:
    """Nothing raw, and nothing that looks like something else."""
    assert visible("a\0b\r\n\u2028\u202ec\ud800\ufeff") == (
        r"a\u0000b\u000d\u000a\u2028\u202ec\ud800\ufeff"
    )
    assert visible("grüße, 日本 🙂") == "grüße, 日本 🙂"


@pytest.mark.promise("P17")
def test_all_controls_separators_and_marks_of_direction_are_spelled_out() -> None:
    wanted = {"Cc", "Cs", "Zl", "Zp"}
    hidden = [c for c in map(chr, range(0x10000)) if category(c) in wanted]
    marks = "\u061c\u200b\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069"
    for each in [*hidden, *marks]:
        assert visible(f"a{each}b") == f"a\\u{ord(each):04x}b"


def test_markup_is_not_escaped_twice() -> None:
    assert element("p", element("b", "<")) == "<p><b>&lt;</b></p>"
    assert join(["<", Markup("<i>")]) == "&lt;<i>"
    assert escape(escape("&")) == "&amp;"


def test_attributes_are_written_by_their_value() -> None:
    made = element("svg", class_="a b", aria_label="x", hidden=True, id=None, lang=False, width=0)
    assert made == '<svg class="a b" aria-label="x" hidden width="0"></svg>'
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
