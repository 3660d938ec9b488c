"""Values of <meta>, such as OpenGraph (https://ogp.me): rules with ``meta``."""

from collections.abc import Sequence

from selectolax.lexbor import LexborNode

from crawler.parsing.extract.page_source import PageSource


class MetaReader:
    """Reads the content of each <meta> with this property or name, like ``og:title``."""

    def __init__(self, name: str) -> None:
        self._name = name.lower()

    def first(self, page: PageSource, node: LexborNode | None) -> str | None:
        return next(iter(self.every(page, node)), None)

    def every(self, page: PageSource, _: LexborNode | None) -> Sequence[str]:
        return page.metas.get(self._name, ())
