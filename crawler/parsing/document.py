"""A response and its parsed forms; also the argument of a user's parser function."""

import re
from functools import cached_property

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.model.text import Kind, Text, decode, in_header
from crawler.parsing.job import Job

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# For a response without a content type: https://mimesniff.spec.whatwg.org, section 7.1.
_LOOKS_LIKE_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div|font"
    rb"|table|a|style|title|b|body|br|p|meta)[\s>])",
    re.IGNORECASE,
)


class Document:
    """One response, and its text and tree, which are computed at first use."""

    def __init__(self, job: Job, body: bytes) -> None:
        self.url = job.url
        """The requested URL; ``final_url`` is the URL that returned the page."""
        self.final_url = job.final_url
        self.status = job.status
        self.content_type = job.content_type
        self.body = body
        """The body with Content-Encoding decoded."""

    @property
    def is_html(self) -> bool:
        """Whether the content type is HTML; without a type, whether the body begins like HTML."""
        if not self.content_type:
            return _LOOKS_LIKE_HTML.match(self.body) is not None
        return self.content_type.partition(";")[0].strip().lower() in _HTML_TYPES

    @property
    def encoding(self) -> str:
        """The character set of ``text``, by its name in the Encoding Standard."""
        return self._decoded.encoding

    @cached_property
    def text(self) -> str:
        text = self._decoded.text
        return text if isinstance(text, str) else text.decode()

    @cached_property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self._decoded.text)

    def css(self, selector: str) -> list[LexborNode]:
        """The elements that match ``selector``, in document order."""
        return self.tree.css(selector)

    @cached_property
    def _decoded(self) -> Text:
        return decode(self.body, declared=in_header(self.content_type), kind=Kind.HTML)
