"""Values in the source of a page, such as in its scripts: rules with nothing but ``regex``."""

import re
from collections.abc import Iterator, Sequence

from selectolax.lexbor import LexborNode

from crawler.parsing.extract.page_source import PageSource


class MarkupReader:
    """Searches ``pattern`` in the source of a page or, for a record, of its element."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def first(self, page: PageSource, node: LexborNode | None) -> str | None:
        return next(self._matches(page, node), None)

    def every(self, page: PageSource, node: LexborNode | None) -> Sequence[str]:
        return [text for text in self._matches(page, node) if text is not None]

    def _matches(self, page: PageSource, node: LexborNode | None) -> Iterator[str | None]:
        return map(matched, self._pattern.finditer(page.markup(node)))


def matched(match: re.Match[str]) -> str | None:
    """The first group if there is one, else the whole match."""
    return match[1] if match.re.groups else match[0]
