"""Reads the standard fields from HTML: title, description, language, canonical URL and links."""

import ctypes
import os
from collections.abc import Iterable

import msgspec
from selectolax.lexbor import LexborCSSSelector, LexborHTMLParser, LexborNode

from crawler.model.urls import Joiner
from crawler.parsing.link_memory import LinkMemory
from crawler.parsing.robots_directives import EVERYONE, forbids_following
from crawler.parsing.ways import Attributes, Namespaces, frame_sources, header_refresh, refreshes

MAX_LINKS = 20_000
"""Links of one page, at most."""
MAX_LINK_BYTES = 2_000_000
"""Bytes of the links of one page, at most: with a long <base>, a few bytes of the page are a long
link.
"""
MAX_TEXT_CHARACTERS = 2_000
_MOST_ESCAPED = 16
"""A character of a link becomes at most so many of its URL: ``%26%23``, a number and ``%3B``."""

# One query for everything, because walking the tree is most of the cost; over the whole document,
# because the parser moves elements after a misplaced one in <head> to <body>.
# [href] is cheaper than the names of all elements that may have it; in SVG it is also xlink:href.
_WANTED = "[href],title,meta,frame,iframe"
_LINKS = frozenset(LexborHTMLParser("").create_node(tag).tag_id for tag in ("a", "area"))
_Found = dict[str, list[LexborNode]]
# malloc.h
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_MEGABYTE = 1024 * 1024


class PageFacts(msgspec.Struct, frozen=True):
    """The fields found; ``nofollow``: a <meta> for robots forbids us to follow the links.

    ``ways`` lead on without being links: frames and refreshes. ``cut`` is the number of links and
    ways beyond the limits of a page.
    """

    title: str | None = None
    description: str | None = None
    lang: str | None = None
    canonical: str | None = None
    links: tuple[str, ...] = ()
    nofollow: bool = False
    cut: int = 0
    ways: tuple[str, ...] = ()


class FactsReader:
    """Reads the fields of pages, on one thread. It remembers where links lead."""

    def __init__(self) -> None:
        self._links = LinkMemory()
        # Made once: making it takes half as long as using it on a small page.
        self._selector = LexborCSSSelector()  # type: ignore[no-untyped-call]

    def read(
        self,
        tree: LexborHTMLParser,
        url: str,
        names: frozenset[str] = frozenset(),
        encoding: str = "utf-8",
        refresh: str | None = None,
    ) -> PageFacts:
        """The fields of the page at ``url``, its final URL; ``names`` are ours, in lower case.

        ``encoding`` is the character set of the page, ``refresh`` its Refresh header.
        Titles and descriptions are cut at 2,000 characters, and links at 20,000 or 2 MB.
        """
        hrefs, found = self._find(tree.root)
        joiner = base_joiner(found, url, encoding)
        metas = [node.attributes for node in found.get("meta", ())]
        contents, directives = _contents(metas, names | EVERYONE)
        links, cut = self._joined(_without_fragments(hrefs), joiner)
        targets = [*_frames(found), *refreshes(metas)]
        ways, more = self._ways(targets, joiner, url, refresh)
        return PageFacts(
            title=_text(title.text()) if (title := _of_html(found, "title")) else None,
            description=_text(contents.get("description", "")),
            lang=_lang(tree),
            canonical=_canonical(found, joiner),
            links=links,
            nofollow=forbids_following(directives),
            cut=cut + more,
            ways=ways,
        )

    def _find(self, root: LexborNode | None) -> tuple[dict[str, None], _Found]:
        """The different hrefs of <a> and <area>, and the other wanted elements by tag.

        Both are in document order. An attribute without a value is "".
        """
        hrefs: dict[str, None] = {}
        found: _Found = {}
        for node in self._selector.find(_WANTED, root) if root else ():
            if node.tag_id not in _LINKS:  # reading the tag takes longer
                found.setdefault(node.tag or "", []).append(node)
                continue
            attributes = node.attrs
            try:
                hrefs[attributes["href"] or ""] = None
            except KeyError:  # SVG 2, 16.1.3: xlink:href counts if there is no href
                hrefs[attributes.get("xlink:href") or ""] = None
        return hrefs, found

    def _ways(
        self, targets: list[str], joiner: Joiner, url: str, refresh: str | None
    ) -> tuple[tuple[str, ...], int]:
        """Where the page leads without a link, and the number of those beyond the limits."""
        if not targets and refresh is None:  # nearly always
            return (), 0
        ways, cut = self._joined(_without_fragments(targets), joiner)
        at_once = header_refresh(url, refresh)
        both = ways if at_once is None else (at_once, *ways)
        return tuple([way for way in both if way != url]), cut

    def _joined(self, hrefs: dict[str, None], joiner: Joiner) -> tuple[tuple[str, ...], int]:
        """The URLs of ``hrefs`` within the limits of a page, and the number of the others."""
        most = len(hrefs) * len(joiner.page) + _MOST_ESCAPED * sum(map(len, hrefs))
        if len(hrefs) <= MAX_LINKS and most <= MAX_LINK_BYTES:  # usually: they fit in any case
            return tuple(dict.fromkeys(filter(None, self._links.join_all(hrefs, joiner)))), 0
        links: dict[str, None] = {}
        room = MAX_LINK_BYTES
        for before, url in enumerate(joiner.join_all(hrefs)):
            if url is None or url in links:
                continue
            room -= len(url)
            if room < 0 or len(links) == MAX_LINKS:
                return tuple(links), len(hrefs) - before
            links[url] = None
        return tuple(links), 0


def read_refresh(url: str, refresh: str) -> PageFacts:
    """The fields of a document at ``url`` that is not HTML, and has this Refresh header."""
    way = header_refresh(url, refresh)
    return PageFacts(ways=() if way is None or way == url else (way,))


def tune_allocator() -> bool:
    """Make glibc keep up to 64 MB of freed memory for the next tree; False if it is not possible.

    Otherwise glibc returns the memory to the system after each page. For a worker process.
    """
    if not _is_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # 32 MB is the largest M_MMAP_THRESHOLD that glibc accepts on 64-bit systems.
    settings = (
        (_M_MMAP_THRESHOLD, 32 * _MEGABYTE),
        (_M_TRIM_THRESHOLD, 64 * _MEGABYTE),
        (_M_TOP_PAD, 1 * _MEGABYTE),
    )
    return all(mallopt(option, size) for option, size in settings)


def one_heap() -> bool:
    """Make the threads of this process share one heap; False if it is not possible.

    Otherwise glibc reserves 64 MB of addresses for each of up to eight threads per core.
    """
    return _is_glibc() and bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))


def large_apart() -> bool:
    """Give large blocks back to the system when they are freed; False if it is not possible.

    glibc does so only until the first one was freed. After that they lie in the heap, where bodies
    that grow and end at different times leave holes.
    """
    if not _is_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = (_M_MMAP_THRESHOLD, _MEGABYTE // 4), (_M_TRIM_THRESHOLD, 16 * _MEGABYTE)
    return all(mallopt(option, size) for option, size in settings)


def _is_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False


def squeeze(text: str) -> str:
    """``text`` with each run of white space replaced by one space, and stripped."""
    return " ".join(text.split())


def base_joiner(found: _Found, url: str, encoding: str) -> Joiner:
    """Resolves links against the first <base href> if that is valid, else against the page."""
    joiner, node = Joiner(url, encoding, is_canonical=True), _of_html(found, "base")
    base = joiner.join(node.attrs.sget("href")) if node else None
    return Joiner(base, encoding, is_canonical=True) if base else joiner


def _of_html(found: _Found, tag: str) -> LexborNode | None:
    """The first element of HTML with this ``tag``; those of SVG are something else."""
    nodes = found.get(tag)
    return next(filter(Namespaces().is_html, nodes), None) if nodes else None


def _contents(metas: Iterable[Attributes], robots: frozenset[str]) -> tuple[dict[str, str], str]:
    """Content of the first <meta> of each name (lower case), and lines of all for ``robots``."""
    contents: dict[str, str] = {}
    directives = ""
    for attributes in metas:
        name = (attributes.get("name") or "").strip().lower()
        content = attributes.get("content") or ""
        contents.setdefault(name, content)
        if name in robots:
            directives += f"{content.replace(chr(10), ' ')}\n"
    return contents, directives


def _frames(found: _Found) -> list[str]:
    return frame_sources(found) if "iframe" in found or "frame" in found else []


def _canonical(found: _Found, joiner: Joiner) -> str | None:
    for node in found.get("link", []):
        if "canonical" in node.attrs.sget("rel").lower().split():
            return joiner.join(node.attrs.sget("href"))
    return None


def _without_fragments(hrefs: Iterable[str]) -> dict[str, None]:
    """The different ones of ``hrefs``, without fragments."""
    # Many links differ only in the fragment; removing it is much cheaper than joining.
    return dict.fromkeys(
        [href.partition("#")[0] if "#" in href else href for href in hrefs],
    )


def _lang(tree: LexborHTMLParser) -> str | None:
    return _text(tree.root.attrs.sget("lang")) if tree.root else None


def _text(text: str) -> str | None:
    return squeeze(text)[:MAX_TEXT_CHARACTERS] or None
