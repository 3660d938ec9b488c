"""URLs that a program or a command line gives: each text is one line of a list."""

from collections.abc import Iterable, Iterator

from crawler.model.urls import InputUrl, UrlError, parse_input
from crawler.sources.input_line import BLANK, InputLine, RawLine, Refusals, parse, shown
from crawler.sources.plain_urls import is_clear
from crawler.sources.url_text import parts, urls_in


def judged(texts: Iterable[RawLine]) -> Iterator[RawLine]:
    """The lines that ``texts`` are; what is no text is returned as it is.

    Each text is at least one line, a comment a blank one: so a resume finds its place by the number
    of lines, whatever the texts are.
    """
    refusals = Refusals()
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            yield text
        elif is_clear(line := text.rstrip("\r\n")):
            yield line
        else:
            yield from _lines(line, number, refusals)


def argument(text: str) -> InputLine:
    """The URL in an argument of the command line, which has exactly one; never raises."""
    if is_clear(text):
        return parse(text)
    try:
        found = _urls(text)
    except UrlError as error:
        return InputLine(shown(text), wrong=error.message)
    if len(found) != 1:
        why = "two URLs: give each of them by itself" if found else "not a URL but a comment"
        return InputLine(shown(text), wrong=why)
    return InputLine(found[0].url, found[0].userinfo)


def _lines(text: str, number: int, refusals: Refusals) -> list[InputLine]:
    try:
        found = _urls(text)
    except UrlError as error:
        return [refusals.text(text, error.message, f"line {number}", number)]
    return [InputLine(each.url, each.userinfo) for each in found] or [BLANK]


def _urls(text: str) -> list[InputUrl]:
    """Lines within ``text`` are taken all or not at all. Raises UrlError."""
    return [parse_input(url) for part in parts(text) for url in urls_in(part)]
