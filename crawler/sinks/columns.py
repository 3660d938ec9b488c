"""The columns that a page has in a table: the fields of its record, each with one type."""

from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec

from crawler.model.pages import Failure, Page, Skipped

FIELDS = "fields"
"""The column for what rules and parser functions return; formats may have several in its place."""
HTML = "html"


class ColumnType(StrEnum):
    """What a column has: a scalar, a list of texts, or anything, which is written as JSON."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    TEXTS = "texts"
    JSON = "json"


class Column(msgspec.Struct, frozen=True):
    name: str
    type: ColumnType


@cache
def columns_of(record: type[Page | Failure | Skipped]) -> tuple[Column, ...]:
    """Return a column for each field of the type of a record, in order."""
    fields = msgspec.structs.fields(record)
    return tuple(Column(each.name, _type(each.type)) for each in fields)


@cache
def page_columns(html: bool) -> tuple[Column, ...]:
    """Return the columns of ``Page``; the one for its HTML only with ``html``."""
    return tuple(each for each in columns_of(Page) if html or each.name != HTML)


_SCALARS = {str: ColumnType.TEXT, int: ColumnType.INTEGER, float: ColumnType.REAL}


def _type(hint: Any) -> ColumnType:
    if get_origin(hint) is tuple and get_args(hint)[0] is str:
        return ColumnType.TEXTS
    kinds = {*(get_args(hint) or (hint,))} - {NoneType, msgspec.UnsetType}
    kind = kinds.pop() if len(kinds) == 1 else dict
    fitting = (its for scalar, its in _SCALARS.items() if issubclass(kind, scalar))
    return next(fitting, ColumnType.JSON)
