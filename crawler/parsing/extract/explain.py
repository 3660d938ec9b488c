"""Shows what rules find in a page, and why they find nothing."""

from typing import Any

import msgspec
from selectolax.lexbor import LexborNode

from crawler.model.errors import FetchError
from crawler.model.units import count
from crawler.parsing.document import Document
from crawler.parsing.extract.extractor import Extractor
from crawler.parsing.extract.field import Field
from crawler.parsing.extract.page_source import PageSource
from crawler.parsing.extract.rules import ExtractRule, PageRules

_MOST_SHOWN = 60


class FieldMatch(msgspec.Struct, frozen=True):
    """The ``value`` of a field, where it was searched, and how that went, in words.

    ``fails``: it is required, and missing.
    """

    name: str
    source: str
    value: Any
    remark: str
    fails: bool = False


class Explanation(msgspec.Struct, frozen=True):
    """What the rules find in a page: the fields of each record.

    ``number`` is the place of the ``[[pages]]`` in use in the file, from 1, 0 if none matches;
    ``rules`` are these.
    """

    number: int
    rules: PageRules
    records: tuple[tuple[FieldMatch, ...], ...]


def explain(extractor: Extractor, document: Document) -> Explanation:
    """Apply the rules to ``document``, which is HTML."""
    plan, page = extractor.plan(document.final_url), extractor.source(document)
    common = [_match(field, page, page.root) for field in plan.common]
    records = [
        (*common, *(_match(field, page, node) for field in plan.fields))
        for node in plan.records(page)
    ]
    return Explanation(plan.number, plan.rules, tuple(records))


def _match(field: Field, page: PageSource, node: LexborNode | None) -> FieldMatch:
    rule, found = field.rule, field.reader.every(page, node)
    first = field.reader.first(page, node)
    remark = count(len(found), "match", "matches") if found else "no match"
    if first is not None and field.converted(first, page) is None and not rule.all:
        remark += f", but the first {_lacks(rule)}: {_short(first)}"
    try:
        return FieldMatch(rule.name, rule.source, field.value(page, node), remark)
    except FetchError:
        return FieldMatch(rule.name, rule.source, None, f"{remark}, but it is required", fails=True)


def _lacks(rule: ExtractRule) -> str:
    """Why a value of ``rule`` cannot be used."""
    article = "an" if rule.type == "int" else "a"
    is_not = f"is not {article} {rule.type}"
    return is_not if rule.regex is None else f"does not match {rule.regex}, or {is_not}"


def _short(found: object) -> str:
    text = msgspec.json.encode(found).decode()
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
