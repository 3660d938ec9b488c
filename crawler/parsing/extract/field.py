"""One rule at work: reads a value, searches in it, converts it, and says what is missing."""

import re
from collections.abc import Sequence
from typing import Protocol

from selectolax.lexbor import LexborNode

from crawler.model.errors import FailureKind, FetchError
from crawler.parsing.extract.convert import as_text, make_converter
from crawler.parsing.extract.css import CssReader
from crawler.parsing.extract.jsonld import JsonLdReader
from crawler.parsing.extract.markup import MarkupReader, matched
from crawler.parsing.extract.meta import MetaReader
from crawler.parsing.extract.page_source import PageSource
from crawler.parsing.extract.rules import ExtractRule


class ValueReader(Protocol):
    """Reads values of one kind: of a page or, if they are in elements, of those in ``node``."""

    def first(self, page: PageSource, node: LexborNode | None) -> object:
        """The value of the first match; None if there is not one."""

    def every(self, page: PageSource, node: LexborNode | None) -> Sequence[object]:
        """The values of all matches, without those that are missing."""


class Field:
    """Finds the value of one field."""

    def __init__(self, rule: ExtractRule) -> None:
        self.rule = rule
        self.reader = _reader(rule)
        pattern = None if isinstance(self.reader, MarkupReader) else rule.regex
        self._pattern = None if pattern is None else re.compile(pattern)
        self._convert = make_converter(rule)
        self._is_replaced = rule.required or rule.default is not None

    def found(self, page: PageSource, node: LexborNode | None) -> object:
        """The value in ``node``, an element of ``page``: plain JSON. None if it is missing."""
        if self.rule.all:
            found = [self.converted(each, page) for each in self.reader.every(page, node)]
            return [each for each in found if each is not None] or None
        first = self.reader.first(page, node)
        value = None if first is None else self.converted(first, page)
        if value == "" and self._is_replaced:
            return None
        return value

    def missing(self) -> object:
        """What replaces a missing value. Raises FetchError of kind ``parse`` if it is required."""
        rule = self.rule
        if rule.required:
            reason = f"--extract: {rule.name} is required, but has no value ({rule.source})"
            raise FetchError(FailureKind.PARSE, reason)
        return [] if rule.all and rule.default is None else rule.default

    def value(self, page: PageSource, node: LexborNode | None) -> object:
        """What is found, or what replaces it. Raises FetchError as ``missing`` does."""
        found = self.found(page, node)
        return self.missing() if found is None else found

    def converted(self, found: object, page: PageSource) -> object:
        """What was read as the rule wants it; None if that is not possible."""
        if self._pattern is not None:
            match = self._pattern.search(as_text(found) or "")
            found = matched(match) if match else None
        return None if found is None else self._convert(found, page)


def _reader(rule: ExtractRule) -> ValueReader:
    if rule.jsonld is not None:
        return JsonLdReader(rule.jsonld, whole=rule.type == "json")
    if rule.meta is not None:
        return MetaReader(rule.meta)
    if rule.css is None and rule.attr is None and rule.regex is not None:
        return MarkupReader(re.compile(rule.regex))
    return CssReader(rule.css, rule.attr)
