"""Reads the standard fields from HTML: title, description, language, canonical URL and links."""

import ctypes
import os

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.model.urls import MAX_URL_CHARACTERS, Joiner
from crawler.parsing.robots_directives import EVERYONE, forbids_following
from crawler.parsing.ways import Namespaces, frame_sources, header_refresh, refreshes

MAX_LINKS = 20_000
"""Links of one page, at most."""
MAX_LINK_BYTES = 2_000_000
"""Bytes of the links of one page, at most: with a long <base>, a few bytes of the page are a long
link.
"""
MAX_TEXT_CHARACTERS = 2_000

# One query for everything, because walking the tree is most of the cost; over the whole document,
# because the parser moves elements after a misplaced one in <head> to <body>.
# [href] is cheaper than the names of all elements that may have it; in SVG it is also xlink:href.
_WANTED = "[href],title,meta,frame,iframe"
_ABSENT = "\0"
"""Stands for an attribute that is missing; the parser leaves it in no attribute."""
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


def read_facts(
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
    found = _find(tree)
    joiner = _base(found, url, encoding)
    metas, directives = _metas(found, names | EVERYONE)
    links, cut = _joined(_hrefs(found.get("a", [])), joiner)
    ways, more = _ways(found, joiner, url, refresh)
    return PageFacts(
        title=_text(title.text()) if (title := _of_html(found, "title")) else None,
        description=_text(metas.get("description", "")),
        lang=_lang(tree),
        canonical=_canonical(found, joiner),
        links=links,
        nofollow=forbids_following(directives),
        cut=cut + more,
        ways=ways,
    )


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


def _find(tree: LexborHTMLParser) -> _Found:
    """Find the wanted elements by tag (``area`` among ``a``), in document order."""
    found: _Found = {}
    by_id: dict[int, list[LexborNode]] = {}  # reading a node's tag_id is cheaper than its tag
    for node in tree.css(_WANTED):
        tag_id = node.tag_id
        if tag_id not in by_id:
            tag = node.tag or ""
            by_id[tag_id] = found.setdefault("a" if tag == "area" else tag, [])
        by_id[tag_id].append(node)
    return found


def _base(found: _Found, url: str, encoding: str) -> Joiner:
    """Resolves links against the first <base href> if that is valid, else against the page."""
    joiner, node = Joiner(url, encoding), _of_html(found, "base")
    base = joiner.join(node.attrs.sget("href")) if node else None
    return Joiner(base, encoding) if base else joiner


def _of_html(found: _Found, tag: str) -> LexborNode | None:
    """The first element of HTML with this ``tag``; those of SVG are something else."""
    nodes = found.get(tag)
    return next(filter(Namespaces().is_html, nodes), None) if nodes else None


def _metas(found: _Found, robots: frozenset[str]) -> tuple[dict[str, str], str]:
    """Content of the first <meta> of each name (lower case), and lines of all for ``robots``."""
    metas: dict[str, str] = {}
    directives = ""
    for node in found.get("meta", []):
        attributes = node.attributes
        name = (attributes.get("name") or "").strip().lower()
        content = attributes.get("content") or ""
        metas.setdefault(name, content)
        if name in robots:
            directives += f"{content.replace(chr(10), ' ')}\n"
    return metas, directives


def _canonical(found: _Found, joiner: Joiner) -> str | None:
    for node in found.get("link", []):
        if "canonical" in node.attrs.sget("rel").lower().split():
            return joiner.join(node.attrs.sget("href"))
    return None


def _hrefs(anchors: list[LexborNode]) -> dict[str, None]:
    """The different URLs of ``anchors`` as they are written there, without fragments."""
    # Many links repeat or differ only in the fragment; removing it is much cheaper than joining.
    hrefs = [node.attrs.sget("href", _ABSENT).partition("#")[0] for node in anchors]
    found = dict.fromkeys(hrefs)
    if _ABSENT not in found:
        return found
    # SVG 2, 16.1.3: xlink:href counts if there is no href.
    either = [node.attrs.sget("href", node.attrs.sget("xlink:href")) for node in anchors]
    return dict.fromkeys([href.partition("#")[0] for href in either])


def _ways(
    found: _Found, joiner: Joiner, url: str, refresh: str | None
) -> tuple[tuple[str, ...], int]:
    """Where the page leads without a link, and the number of those beyond the limits."""
    sources = frame_sources(found) if "iframe" in found or "frame" in found else []
    targets = [*sources, *refreshes(found)]
    if not targets and refresh is None:  # nearly always
        return (), 0
    ways, cut = _joined(dict.fromkeys([each.partition("#")[0] for each in targets]), joiner)
    at_once = header_refresh(url, refresh)
    both = ways if at_once is None else (at_once, *ways)
    return tuple([way for way in both if way != url]), cut


def _joined(hrefs: dict[str, None], joiner: Joiner) -> tuple[tuple[str, ...], int]:
    """The URLs of ``hrefs`` within the limits of a page, and the number of the others."""
    if len(hrefs) * MAX_URL_CHARACTERS <= MAX_LINK_BYTES:  # usually: they fit, however long
        joined = dict.fromkeys(joiner.join_all(hrefs))
        return tuple([url for url in joined if url is not None]), 0
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


def _lang(tree: LexborHTMLParser) -> str | None:
    return _text(tree.root.attrs.sget("lang")) if tree.root else None


def _text(text: str) -> str | None:
    return squeeze(text)[:MAX_TEXT_CHARACTERS] or None
