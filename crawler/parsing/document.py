"""A page on the way from bytes to fields; this is also what a user's parser function is given."""

import re
from functools import cached_property

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.parsing.charset import to_text
from crawler.parsing.job import Job

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# Sniffed like https://mimesniff.spec.whatwg.org, 7.1, where there is no type at all.
_LOOKS_LIKE_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div|font"
    rb"|table|a|style|title|b|body|br|p|meta)[\s>])",
    re.IGNORECASE,
)


class Document:
    """One response: what it says of itself, and its text and tree, made when first asked for."""

    def __init__(self, job: Job, body: bytes) -> None:
        self.url = job.url
        """What was asked; ``final_url`` is what answered."""
        self.final_url = job.final_url
        self.status = job.status
        self.content_type = job.content_type
        self.body = body
        """Content-Encoding undone."""

    @property
    def is_html(self) -> bool:
        """By its type; without a type, by how it begins."""
        if not self.content_type:
            return _LOOKS_LIKE_HTML.match(self.body) is not None
        return self.content_type.partition(";")[0].strip().lower() in _HTML_TYPES

    @property
    def encoding(self) -> str:
        """Character set that ``text`` was decoded with, by its name in the Encoding Standard."""
        return self._decoded[1]

    @cached_property
    def text(self) -> str:
        text = self._decoded[0]
        return text if isinstance(text, str) else text.decode()

    @cached_property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self._decoded[0])

    def css(self, selector: str) -> list[LexborNode]:
        """Elements that match, in document order."""
        return self.tree.css(selector)

    @cached_property
    def _decoded(self) -> tuple[str | bytes, str]:
        return to_text(self.body, self.content_type)
