"""Reads a file of rules, so that no crawl begins with wrong ones.

The file is TOML: ``name = "css selector"``, or a table for all else that a rule can say; in
``[[pages]]``, rules for some pages.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from crawler.model.errors import UsageError
from crawler.parsing.extract.check import WrongRuleError, page_rules, rule_of
from crawler.parsing.extract.rules import ExtractRule, ExtractRules, PageRules

_PAGES = "pages"


def load_rules(path: str | Path) -> ExtractRules:
    """Read rules from a file.

    Raises UsageError, which names the file, the rule, what is wrong with it and what to do.
    """
    import tomllib

    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    try:
        several = table.pop(_PAGES) if isinstance(table.get(_PAGES), list) else []
        fields = _fields(table)
        pages = tuple([_pages(number, each) for number, each in enumerate(several, 1)])
        if not fields and not pages:
            raise WrongRuleError('has no rules; write one like title = "h1"')
    except WrongRuleError as error:
        raise UsageError(f"{path}: {error}") from None
    return ExtractRules(fields, pages)


def _pages(number: int, table: Any) -> PageRules:
    with _named(f"[[pages]] {number}"):
        rules = page_rules(table)
        fields = _fields(table["fields"], in_record=rules.each is not None)
        return msgspec.structs.replace(rules, fields=fields)


def _fields(table: Mapping[str, object], *, in_record: bool = False) -> tuple[ExtractRule, ...]:
    return tuple([_rule(name, value, in_record=in_record) for name, value in table.items()])


def _rule(name: str, value: object, *, in_record: bool) -> ExtractRule:
    with _named(name):
        return rule_of(name, value, in_record=in_record)


@contextmanager
def _named(part: str) -> Iterator[None]:
    """Put the name of a part of the file before what is wrong with it."""
    try:
        yield
    except WrongRuleError as error:
        raise WrongRuleError(f"{part}: {error}") from None
