"""The fields of a page or a record, found together."""

from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborNode

from crawler.parsing.extract.field import Field
from crawler.parsing.extract.page_source import PageSource
from crawler.parsing.extract.rules import ExtractRule


class FieldGroup:
    """Fields that are searched in the same element.

    To find out that nothing matches a selector, the whole page is walked. So for the selectors
    that matched nothing the last time there is one walk first, in place of one for each.
    """

    def __init__(self, rules: Iterable[ExtractRule]) -> None:
        self._fields = list(map(Field, rules))
        self._missed: list[Field] = []

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields)

    def values(self, page: PageSource, node: LexborNode | None) -> dict[str, object]:
        """The value of each field in ``node`` by name. Raises FetchError as ``Field`` does."""
        absent = self._absent(page, node)
        found = [None if each in absent else each.found(page, node) for each in self._fields]
        pairs = list(zip(self._fields, found, strict=True))
        self._missed = [each for each, value in pairs if value is None and each.rule.css]
        return {each.rule.name: each.missing() if value is None else value for each, value in pairs}

    def _absent(self, page: PageSource, node: LexborNode | None) -> list[Field]:
        """Fields without a match in ``node``."""
        missed = self._missed
        if len(missed) < 2 or node is None:
            return []
        any_of = ",".join([each.rule.css for each in missed if each.rule.css])
        return missed if page.first(any_of, node) is None else []
