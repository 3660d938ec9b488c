"""Checks what a file of rules says, and makes records of it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

import msgspec
from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from crawler.model.spelling import nearest
from crawler.parsing.extract.dates import check_format
from crawler.parsing.extract.numbers import NumberReader
from crawler.parsing.extract.rules import ExtractRule, FieldType, PageRules

_KINDS = ("css", "jsonld", "meta")
_NO_PAGE = LexborHTMLParser("")
_SCRAPY = re.compile(r"::\s*(?:text|attr\(\s*([\w-]+)\s*\))")
"""Pseudo-elements that only Scrapy knows."""
_OF_TYPES = {"locale": ("int", "float"), "format": ("date",)}
"""Keys that only rules with these types have."""
_DEFAULTS: Mapping[str, Any] = {"int": int, "float": float, "json": object}
"""The type of a default by the type of its rule; for the others it is text."""
_Record = TypeVar("_Record", ExtractRule, PageRules)


class WrongRuleError(Exception):
    """What is wrong with a rule, and what to do."""


def rule_of(name: str, value: object, *, in_record: bool) -> ExtractRule:
    """The rule for the field ``name``; ``in_record``: it is read from the element of a record.

    Raises WrongRuleError.
    """
    table = {"css": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise WrongRuleError(f'must be a CSS selector, like "h1", or a table, not {value!r}')
    if table.get("type", "text") not in get_args(FieldType):
        known = ", ".join(get_args(FieldType))
        raise WrongRuleError(f"type must be one of {known}, not {table['type']!r}")
    rule = _record(table, ExtractRule, name=name)
    _check_kind(rule, in_record=in_record)
    _check_type(rule, table)
    return msgspec.structs.replace(rule, default=_default(rule))


def page_rules(table: object) -> PageRules:
    """The rules of ``[[pages]]``, but without their fields. Raises WrongRuleError."""
    if not isinstance(table, dict) or not table.get("fields"):
        raise WrongRuleError("has no rules; write them below [pages.fields]")
    if not isinstance(table["fields"], dict):
        raise WrongRuleError("fields must be a table; write [pages.fields] above the rules")
    rules = _record(table, PageRules, fields=())
    if rules.url is not None:
        _check_regex("url", rules.url)
    if rules.each is not None:
        _check_css("each", rules.each)
    return rules


def _record(table: Mapping[str, Any], kind: type[_Record], **given: object) -> _Record:
    keys = [field.name for field in msgspec.structs.fields(kind)]
    known = [key for key in keys if key != "name"]
    for key in table:
        if key not in known:
            raise WrongRuleError(
                f"{key!r} is not a key here, only {', '.join(known)}{nearest(key, known)}"
            )
    try:
        return msgspec.convert({**table, **given}, kind)
    except msgspec.ValidationError as error:
        raise WrongRuleError(f"{error}; correct its type") from None


def _check_kind(rule: ExtractRule, *, in_record: bool) -> None:
    kinds = [each for each in _KINDS if getattr(rule, each) is not None]
    if len(kinds) > 1:
        raise WrongRuleError(f"has {' and '.join(kinds)}; one value has one of them")
    if rule.attr is not None and kinds not in (["css"], []):
        raise WrongRuleError(f"attr is for elements; leave it out beside {kinds[0]}")
    if rule.attr is not None and not kinds and not in_record:
        raise WrongRuleError("attr needs css, the selector of the element that has it")
    if not kinds and rule.attr is None and rule.regex is None:
        raise WrongRuleError("finds nothing: give it css, jsonld, meta or regex")
    if rule.css is not None:
        _check_css("css", rule.css)
    if rule.regex is not None:
        _check_groups(_check_regex("regex", rule.regex))
    if rule.jsonld is not None and not all(rule.jsonld.split(".")):
        reason = f"jsonld = {rule.jsonld!r} is not a path"
        raise WrongRuleError(f"{reason}; write a type and keys, like Product.offers.price")


def _check_type(rule: ExtractRule, keys: Iterable[str]) -> None:
    for key, types in _OF_TYPES.items():
        if key in keys and rule.type not in types:
            wanted = " or ".join(f'type = "{each}"' for each in types)
            raise WrongRuleError(f"{key} is for {wanted}; add that, or leave {key} out")
    try:
        NumberReader(rule.locale)
    except ValueError as error:
        raise WrongRuleError(f"locale {error}; write another one") from None
    if rule.format is not None:
        try:
            check_format(rule.format)
        except ValueError as error:
            reason = f"format {error}"
            raise WrongRuleError(f"{reason}; write one of strptime, like %d.%m.%Y") from None


def _default(rule: ExtractRule) -> object:
    """The default as plain JSON: TOML has dates, too."""
    if rule.default is None:
        return None
    if rule.required:
        raise WrongRuleError("is required, so its default is never used; leave one of them out")
    default = msgspec.json.decode(msgspec.json.encode(rule.default))
    wanted = _DEFAULTS.get(rule.type, str)
    try:
        msgspec.convert(default, list[wanted] if rule.all else wanted)  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        several = " in a list" if rule.all else ""
        reason = f"default does not fit type {rule.type}{several}: {error}; write one that does"
        raise WrongRuleError(reason) from None
    return default


def _check_css(key: str, css: str) -> None:
    try:
        _NO_PAGE.css(css)
    except SelectolaxError:
        raise WrongRuleError(f"invalid CSS selector {key} = {css!r}{_css_hint(css)}") from None


def _css_hint(css: str) -> str:
    scrapy = _SCRAPY.search(css)
    if scrapy is None:
        return "; try it in the console of a browser: document.querySelectorAll(…)"
    bare = css[: scrapy.start()]
    attribute = f', attr = "{scrapy[1]}"' if scrapy[1] else ""
    return f'; write {{ css = "{bare}"{attribute} }}' if attribute else f'; write "{bare}"'


def _check_regex(key: str, regex: str) -> re.Pattern[str]:
    try:
        return re.compile(regex)
    except re.error as error:
        reason = f"invalid regular expression {key} = {regex!r}: {error}"
        raise WrongRuleError(f"{reason}; in TOML, write it between ' and '") from None


def _check_groups(regex: re.Pattern[str]) -> None:
    if regex.groups > 1:
        reason = f"regex = {regex.pattern!r} has {regex.groups} groups, and the first is the value"
        raise WrongRuleError(f"{reason}; write the others as (?:…)")
