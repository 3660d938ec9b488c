"""A page as rules read it. What several rules need is computed once."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from selectolax.lexbor import LexborCSSSelector, LexborNode

from crawler.model.urls import Joiner
from crawler.parsing.document import Document
from crawler.parsing.extract.jsonld_items import Item, items_by_type
from crawler.parsing.facts import base_joiner

# One query for all of them, because walking the tree is most of the cost.
_WANTED = "meta[content],base[href],script[type='application/ld+json' i]"


class PageSource:
    """The parts of ``document``, which is HTML."""

    def __init__(self, document: Document, selector: LexborCSSSelector) -> None:
        """``selector`` can be used again and again."""
        self._document = document
        self.selector = selector
        self.root = document.tree.root

    def markup(self, node: LexborNode | None) -> str:
        """The text of the page with its tags, or that of a record's element."""
        is_page = node is None or self.root is None or node.mem_id == self.root.mem_id
        return self._document.text if node is None or is_page else node.html or ""

    def first(self, css: str, node: LexborNode) -> LexborNode | None:
        """The first element in ``node``, or itself, that matches the selector ``css``."""
        found: list[LexborNode] = self.selector.find_first(css, node)  # type: ignore[attr-defined]
        return found[0] if found else None

    @cached_property
    def joiner(self) -> Joiner:
        """Resolves the URLs in the page."""
        document = self._document
        return base_joiner(self._found, document.final_url, document.encoding)

    @cached_property
    def metas(self) -> Mapping[str, Sequence[str]]:
        """The contents of <meta> in document order by property and name, in lower case."""
        found: dict[str, list[str]] = {}
        for node in self._found.get("meta", ()):
            attributes = node.attrs
            names = f"{attributes.sget('property')} {attributes.sget('name')}".lower().split()
            for name in dict.fromkeys(names):
                found.setdefault(name, []).append(attributes.sget("content"))
        return found

    @cached_property
    def items(self) -> Mapping[str, Sequence[Item]]:
        """The objects in the JSON-LD of the page, see ``items_by_type``."""
        return items_by_type([node.text() for node in self._found.get("script", ())])

    @cached_property
    def _found(self) -> dict[str, list[LexborNode]]:
        """The wanted elements by tag, in document order."""
        found: dict[str, list[LexborNode]] = {}
        for node in self.selector.find(_WANTED, self.root) if self.root is not None else ():
            found.setdefault(node.tag or "", []).append(node)
        return found
