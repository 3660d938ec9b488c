"""A response and its parsed forms; also the argument of a user's parser function."""

from functools import cached_property

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.model import mime_type
from crawler.model.text import Kind, Text, decode
from crawler.parsing.job import Job


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
        self._mime_type = mime_type.from_header(job.content_type or "")
        self._kind = mime_type.kind(self._mime_type, body)

    @property
    def is_html(self) -> bool:
        """Whether it is HTML or XHTML by its content type; without a valid one, by its body."""
        return self._kind is Kind.HTML

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
        declared = self._mime_type.charset if self._mime_type else None
        return decode(self.body, declared=declared, kind=self._kind)
