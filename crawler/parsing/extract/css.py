"""Values of elements: rules with ``css`` or ``attr``."""

from collections.abc import Sequence

from selectolax.lexbor import LexborNode

from crawler.parsing.extract.page_source import PageSource
from crawler.parsing.facts import squeeze


class CssReader:
    """Reads the text (with white space squeezed) or an attribute of the elements that match.

    Without ``css``, it is the element that is the record.
    """

    def __init__(self, css: str | None, attr: str | None) -> None:
        self._css = css
        self._attr = attr

    def first(self, page: PageSource, node: LexborNode | None) -> str | None:
        if node is None or self._css is None:
            return None if node is None else self._read(node)
        found = page.first(self._css, node)
        return None if found is None else self._read(found)

    def every(self, page: PageSource, node: LexborNode | None) -> Sequence[str]:
        if node is None:
            return ()
        nodes = [node] if self._css is None else page.selector.find(self._css, node)
        return [text for each in nodes if (text := self._read(each)) is not None]

    def _read(self, node: LexborNode) -> str | None:
        if self._attr is None:
            return squeeze(node.text())
        # For selectolax's get(), an attribute without a value is None, like a missing attribute.
        return node.attrs.sget(self._attr) if self._attr in node.attrs else None
