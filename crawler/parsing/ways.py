"""What leads on from a page without being a link: its frames and its refresh."""

from collections.abc import Iterable, Mapping, Sequence

from selectolax.lexbor import LexborNode

from crawler.model.urls import Joiner, of_header
from crawler.parsing.refresh import refresh_url

Elements = Mapping[str, Sequence[LexborNode]]
"""Elements by tag, in document order."""
Attributes = Mapping[str, str | None]
"""Those of an element; None is an attribute without a value."""
# https://html.spec.whatwg.org/#html-integration-point and #mathml-text-integration-point
_FOREIGN = frozenset({"svg", "math"})
_HTML_INSIDE = frozenset(
    {"foreignObject", "desc", "title", "annotation-xml", "mi", "mo", "mn", "ms", "mtext"}
    | {"head", "body"}  # they are never foreign (HTML Standard, 13.2.6.5)
)


class Namespaces:
    """Tells the elements of HTML from those of SVG and MathML with the same tag."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}

    def is_html(self, node: LexborNode) -> bool:
        """Whether ``node``, which is neither <svg> nor <math>, is an element of HTML."""
        passed: list[int] = []
        is_html, parent = True, node.parent
        while parent is not None:
            known = self._known.get(parent.mem_id)
            if known is not None:
                is_html = known
                break
            passed.append(parent.mem_id)
            tag = parent.tag
            if tag in _HTML_INSIDE:
                break
            if tag in _FOREIGN:
                is_html = False
                break
            parent = parent.parent
        self._known.update(dict.fromkeys(passed, is_html))
        return is_html


def frame_sources(found: Elements) -> list[str]:
    """The URLs of the frames of a page, as they are written there.

    An <iframe> with ``srcdoc`` does not load its URL.
    """
    namespaces = Namespaces()
    frames = [*found.get("frame", ()), *found.get("iframe", ())]
    return [
        source
        for node in frames
        if (source := node.attrs.sget("src"))
        and (node.tag == "frame" or "srcdoc" not in node.attrs)
        and namespaces.is_html(node)
    ]


def refreshes(metas: Iterable[Attributes]) -> list[str]:
    """The URLs to which ``metas`` lead after some time, as they are written there.

    All of them: the standard lets the first one win, browsers the fastest one.
    """
    contents = [
        attributes.get("content") or ""
        for attributes in metas
        if (attributes.get("http-equiv") or "").lower() == "refresh"
    ]
    return [target for content in contents if (target := refresh_url(content))]


def header_refresh(url: str, header: str | None) -> str | None:
    """Where the Refresh header of the document at ``url`` leads; None if it stays there."""
    target = refresh_url(of_header(header)) if header is not None else None
    return Joiner(url).join(target) if target else None
