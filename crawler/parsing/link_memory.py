"""Remembers where links lead, because the pages of a site have most of their links in common."""

from collections.abc import Collection, Iterable

from crawler.model.urls import Joiner

BYTES_REMEMBERED = 10_000_000
_LINK_BYTES = 200
"""A short link, its URL and their place in the table, roughly."""


class LinkMemory:
    """Joins the links of pages: of pages in the same folder only links that are new."""

    def __init__(self, most: int = BYTES_REMEMBERED) -> None:
        """With more than about ``most`` bytes, it forgets all links."""
        self._most = most
        self._bytes = 0
        self._folders: dict[tuple[str, str | None], dict[str, str]] = {}

    def join_all(self, hrefs: Collection[str], joiner: Joiner) -> Iterable[str | None]:
        """The same as ``joiner.join_all(hrefs)``."""
        known = self._folders.get(joiner.folder)
        if known is None:
            # The next page there will need its links. On a list of single pages there is no next.
            self._grow([joiner.page])
            self._folders[joiner.folder] = {}
            return joiner.join_all(hrefs)
        urls = list(map(known.get, hrefs))
        if None not in urls:
            return urls
        new = [href for href, url in zip(hrefs, urls, strict=True) if url is None]
        joined = dict(zip(new, joiner.join_all(new), strict=True))
        # An empty link and a query lead from another page elsewhere (URL Standard, 4.4).
        same = {h: url for h, url in joined.items() if url and not url.startswith(joiner.page)}
        known.update(same)
        self._grow(list(same))
        return [url or joined[href] for href, url in zip(hrefs, urls, strict=True)]

    def _grow(self, texts: list[str]) -> None:
        more = sum(map(len, texts)) + _LINK_BYTES * len(texts)
        self._bytes += more
        if self._bytes > self._most:
            self._folders.clear()
            self._bytes = more
