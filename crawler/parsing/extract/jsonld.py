"""Values of JSON-LD: rules with ``jsonld``."""

from collections.abc import Iterator, Sequence
from typing import Any

from selectolax.lexbor import LexborNode

from crawler.parsing.extract.jsonld_items import members
from crawler.parsing.extract.page_source import PageSource


class JsonLdReader:
    """Reads what ``path`` leads to: a type and keys, like ``Product.offers.price``.

    A list on the way stands for each of its members, and so does one at the end, unless the value
    is wanted ``whole``. The type ``*`` is any object.
    """

    def __init__(self, path: str, *, whole: bool) -> None:
        self._type, *self._keys = path.split(".")
        self._whole = whole

    def first(self, page: PageSource, _: LexborNode | None) -> object:
        """The first value in the first object of the type: another one is another thing."""
        items = page.items.get(self._type, ())
        return next(self._values(items[0]), None) if items else None

    def every(self, page: PageSource, _: LexborNode | None) -> Sequence[object]:
        items = page.items.get(self._type, ())
        return [value for item in items for value in self._values(item)]

    def _values(self, item: Any) -> Iterator[object]:
        found = [item]
        for key in self._keys:
            objects = (each for each in members(found) if isinstance(each, dict))
            found = [each[key] for each in objects if key in each]
        return (each for each in (found if self._whole else members(found)) if each is not None)
