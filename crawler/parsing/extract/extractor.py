"""Finds the fields of pages by the rules of a file."""

import re

from selectolax.lexbor import LexborCSSSelector, LexborNode

from crawler.model.errors import FetchError
from crawler.model.pages import PageFields
from crawler.parsing.document import Document
from crawler.parsing.extract.field_group import FieldGroup
from crawler.parsing.extract.page_source import PageSource
from crawler.parsing.extract.rules import ExtractRule, ExtractRules, PageRules


class PagePlan:
    """The fields of the pages of one kind; ``common`` are those of the whole page.

    ``number`` is the place of ``rules`` in the file, from 1; 0 is for all other pages.
    """

    def __init__(self, number: int, rules: PageRules, common: tuple[ExtractRule, ...]) -> None:
        self.number = number
        self.rules = rules
        own = {rule.name for rule in rules.fields}
        self.common = FieldGroup([rule for rule in common if rule.name not in own])
        self.fields = FieldGroup(rules.fields)
        self._matches = re.compile(rules.url or "").search

    def is_for(self, url: str) -> bool:
        return self._matches(url) is not None

    def records(self, page: PageSource) -> list[LexborNode | None]:
        """The elements of the records; the root if the page is one."""
        if self.rules.each is None:
            return [page.root]
        return list(page.root.css(self.rules.each)) if page.root is not None else []


class Extractor:
    """Finds the fields of pages; created once per worker."""

    def __init__(self, rules: ExtractRules) -> None:
        several = enumerate(rules.pages, 1)
        self._plans = [PagePlan(number, each, rules.fields) for number, each in several]
        # Made once: making it takes half as long as using it on a small page.
        self._selector = LexborCSSSelector()  # type: ignore[no-untyped-call]
        self._usual = PagePlan(0, PageRules(()), rules.fields)

    def plan(self, url: str) -> PagePlan:
        """The rules for a page with this final URL."""
        return next((each for each in self._plans if each.is_for(url)), self._usual)

    def source(self, document: Document) -> PageSource:
        """``document``, which is HTML, as rules read it."""
        return PageSource(document, self._selector)

    def fields(self, document: Document) -> PageFields:
        """The value of each field by name, for each record if a page has several.

        A document that is not HTML has no fields. Raises FetchError of kind ``parse`` if a value is
        required and missing.
        """
        if not document.is_html:
            return {}
        plan, page = self.plan(document.final_url), self.source(document)
        common = plan.common.values(page, page.root)
        if plan.rules.each is None:
            return common | plan.fields.values(page, page.root)
        found = []
        for number, node in enumerate(plan.records(page), 1):
            try:
                found.append(common | plan.fields.values(page, node))
            except FetchError as error:
                raise FetchError(error.kind, f"{error.message}, in record {number}") from None
        return found
