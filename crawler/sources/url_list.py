"""Lists of URLs: one per line, with comments."""

from collections.abc import Iterable, Iterator
from io import BufferedIOBase

from crawler.model.urls import UrlError, parse_input
from crawler.sources.input_line import InputLine, RawLine, Refusals
from crawler.sources.lines import blocks, decoded
from crawler.sources.plain_urls import is_plain, plain_lines
from crawler.sources.url_text import parts, urls_in


def list_lines(file: BufferedIOBase, name: str, refusals: Refusals) -> Iterator[RawLine]:
    """The URLs of the list in ``file``; a line that has none is a failure, unless it is a comment.

    A line that cannot be wrong is returned as it is. Raises UsageError at once if ``file`` does
    not begin like a text.
    """
    return _lines(blocks(file, name), name, refusals)


def _lines(found: Iterable[bytes], name: str, refusals: Refusals) -> Iterator[RawLine]:
    number = 0
    for block in found:
        plain = plain_lines(block)
        if plain is not None:
            number += len(plain)
            yield from plain
            continue
        for line in block.splitlines():
            number += 1
            if is_plain(line):
                yield line.decode()
            else:
                for part in parts(decoded(line)):  # only line ends count as lines
                    yield from _judged(part, name, number, refusals)


def _judged(text: str, name: str, number: int, refusals: Refusals) -> list[RawLine]:
    if is_plain(text.encode(errors="surrogateescape")):
        return [text]
    try:
        found = [parse_input(url) for url in urls_in(text)]
    except UrlError as error:
        return [refusals.line(text, error.message, name, number)]
    return [InputLine(each.url, each.userinfo) for each in found]
