"""Records whose figures are added, field by field."""

from typing import Any, TypeVar

import msgspec

Sum = TypeVar("Sum")
Record = TypeVar("Record", bound=msgspec.Struct)


def plus(one: Sum, other: Sum) -> Sum:
    """Add numbers, counts by name (dicts), or records that consist of these."""
    first: Any = one
    second: Any = other
    if isinstance(first, msgspec.Struct):
        fields = map(plus, msgspec.structs.astuple(first), msgspec.structs.astuple(second))
        return type(first)(*fields)  # type: ignore[return-value]
    if isinstance(first, dict):
        names = first | second
        return {name: first.get(name, 0) + second.get(name, 0) for name in names}  # type: ignore[return-value]
    return first + second  # type: ignore[no-any-return]


def divided(record: Record, by: int) -> Record:
    """Divide each number of ``record``, which has no other fields."""
    return type(record)(*(each / by for each in msgspec.structs.astuple(record)))
