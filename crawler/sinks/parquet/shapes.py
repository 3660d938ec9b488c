"""The type that fits all values of a column, found from the values: for what rules and functions
return, and for the columns of the input.

Values of different types have no type in common but JSON, which is text. Nothing but None is text
as well. Whole numbers beyond 64 bits are JSON, and so are those beyond 53 beside other numbers.
"""

from enum import StrEnum
from typing import Any

import msgspec

_MOST_MEMBERS = 1000
"""An object with more names than this is JSON: they are data then, and not names."""
_INT64 = 2**63
_EXACT = 2**53
"""Whole numbers up to this one are the same as floating-point numbers."""


class ShapeType(StrEnum):
    NOTHING = "nothing"
    TRUTH = "truth"
    INTEGER = "integer"
    LONG = "long"
    REAL = "real"
    TEXT = "text"
    LIST = "list"
    STRUCT = "struct"
    JSON = "json"


class Shape(msgspec.Struct, frozen=True):
    """A type; with ``item``, the shape of a list's values, or ``members``, those of a struct."""

    type: ShapeType
    item: "Shape | None" = None
    members: dict[str, "Shape"] = {}

    @staticmethod
    def of(value: object) -> "Shape":
        """The shape of one value that JSON can have."""
        if isinstance(value, list):
            item = NOTHING
            for each in value:
                item = item.merged(Shape.of(each))
            return Shape(ShapeType.LIST, item)
        if isinstance(value, dict):
            members = {name: Shape.of(each) for name, each in value.items()}
            return Shape(ShapeType.STRUCT, members=members)
        return Shape(_scalar(value))

    def merged(self, other: "Shape") -> "Shape":
        """The shape that fits the values of both."""
        if self == other or other.type is ShapeType.NOTHING:
            return self
        if self.type is ShapeType.NOTHING:
            return other
        types = {self.type, other.type}
        if types == {ShapeType.INTEGER, ShapeType.REAL}:
            return Shape(ShapeType.REAL)
        if types == {ShapeType.INTEGER, ShapeType.LONG}:
            return Shape(ShapeType.LONG)
        if types == {ShapeType.LIST}:
            assert self.item is not None
            assert other.item is not None
            return Shape(ShapeType.LIST, self.item.merged(other.item))
        if types == {ShapeType.STRUCT}:
            return self._with_members(other)
        return JSON

    def _with_members(self, other: "Shape") -> "Shape":
        members = dict(self.members)
        for name, shape in other.members.items():
            members[name] = members.get(name, NOTHING).merged(shape)
        return Shape(ShapeType.STRUCT, members=members) if len(members) <= _MOST_MEMBERS else JSON

    def fit(self, value: Any) -> Any:
        """Return ``value`` as a column of this shape has it."""
        if value is None:
            return None
        if self.is_json:
            return msgspec.json.encode(value).decode()
        if self.type is ShapeType.REAL:
            return float(value)
        if self.type is ShapeType.LIST:
            assert self.item is not None
            return [self.item.fit(each) for each in value]
        if self.type is ShapeType.STRUCT:
            return {name: shape.fit(value.get(name)) for name, shape in self.members.items()}
        return value

    @property
    def is_json(self) -> bool:
        """Whether the values are written as JSON: also objects that never have a member."""
        return self.type is ShapeType.JSON or (self.type is ShapeType.STRUCT and not self.members)


NOTHING = Shape(ShapeType.NOTHING)
JSON = Shape(ShapeType.JSON)
_SCALARS = {bool: ShapeType.TRUTH, float: ShapeType.REAL, str: ShapeType.TEXT}


def _scalar(value: object) -> ShapeType:
    if value is None:
        return ShapeType.NOTHING
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) <= _EXACT:
            return ShapeType.INTEGER
        return ShapeType.LONG if -_INT64 <= value < _INT64 else ShapeType.JSON
    return _SCALARS[type(value)]
