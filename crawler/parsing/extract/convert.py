"""The types of values: each converts a value that was found, or returns None."""

from collections.abc import Callable
from functools import partial

from crawler.parsing.extract.dates import read_date
from crawler.parsing.extract.jsonld_items import decode
from crawler.parsing.extract.numbers import NumberReader, whole_of
from crawler.parsing.extract.page_source import PageSource
from crawler.parsing.extract.rules import ExtractRule

Converter = Callable[[object, PageSource], object]
"""Converts a value found in a page: text, or plain JSON. None is a value that cannot be
converted.
"""


def make_converter(rule: ExtractRule) -> Converter:
    """The converter for the type of ``rule``."""
    match rule.type:
        case "text":
            return _text
        case "int":
            return partial(_int, NumberReader(rule.locale))
        case "float":
            return partial(_float, NumberReader(rule.locale))
        case "date":
            return partial(_date, rule.format)
        case "url":
            return _url
        case "json":
            return _json


def as_text(found: object) -> str | None:
    """A text, number or truth value as text; None for lists and objects."""
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, int | float) else None


def _text(found: object, _: PageSource) -> str | None:
    return as_text(found)


def _int(reader: NumberReader, found: object, _: PageSource) -> int | None:
    if isinstance(found, str):
        return reader.int(found)
    number = _number(found)
    return None if number is None else whole_of(number)


def _float(reader: NumberReader, found: object, _: PageSource) -> float | None:
    number = reader.float(found) if isinstance(found, str) else _number(found)
    return None if number is None else float(number)


def _number(found: object) -> int | float | None:
    """A number of JSON-LD, which has no language."""
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def _date(written: str | None, found: object, _: PageSource) -> str | None:
    return read_date(found.strip(), written) if isinstance(found, str) else None


def _url(found: object, page: PageSource) -> str | None:
    return page.joiner.join(found.strip()) if isinstance(found, str) and found.strip() else None


def _json(found: object, _: PageSource) -> object:
    return decode(found) if isinstance(found, str) else found
