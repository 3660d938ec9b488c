"""The objects in the JSON-LD of a page (https://www.w3.org/TR/json-ld11/), by their type."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

Item = Mapping[str, Any]
"""A JSON object."""
ANY_TYPE = "*"
MOST_LEVELS = 100
"""What is deeper could not be encoded everywhere: encoders have their own limits."""
_INNER = (dict, list)
_PREFIX = re.compile("[/#:]")


def items_by_type(scripts: Iterable[str]) -> dict[str, list[Item]]:
    """The objects in ``scripts``, also inner ones, by type without its vocabulary: ``Product``.

    They are in document order, an object before those in it; all of them are under ``*``.
    A script that is not JSON counts as empty.
    """
    found: dict[str, list[Item]] = {ANY_TYPE: []}
    for script in scripts:
        for item in _objects(_decode(script)):
            found[ANY_TYPE].append(item)
            for name in _types(item):
                found.setdefault(name, []).append(item)
    return found


def decode(text: str) -> Any:
    """The JSON in ``text`` as plain values; None if it is not JSON, or nested too deeply."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    brackets = text.count("[") + text.count("{")
    return None if brackets > MOST_LEVELS and _is_deep(found) else found


def _decode(script: str) -> Any:
    """Many pages have line breaks in strings, which JSON forbids; search engines accept them."""
    found = decode(script)
    if found is not None:
        return found
    try:
        # Encoded again, it is certain that a record can have it.
        return decode(msgspec.json.encode(json.loads(script, strict=False)).decode())
    except (ValueError, RecursionError):
        return None


def members(values: Iterable[Any]) -> Iterator[Any]:
    """The ``values``, with the members of lists in place of the lists."""
    for value in values:
        if isinstance(value, list):
            yield from members(value)
        else:
            yield value


def _is_deep(found: Any) -> bool:
    level = [found]
    for _ in range(MOST_LEVELS):
        level = [child for each in level for child in _children(each)]
    return bool(level)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _objects(value: Any) -> Iterator[Item]:
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left += [each for each in value.values() if isinstance(each, _INNER)][::-1]
        elif isinstance(value, list):
            left += value[::-1]


def _types(item: Item) -> Iterable[str]:
    """The types of ``item``, each once."""
    types = item.get("@type", ())
    names = [types] if isinstance(types, str) else types if isinstance(types, list) else ()
    return {_PREFIX.split(name)[-1] for name in names if isinstance(name, str)}
