"""MIME types, as the MIME Sniffing Standard and the Fetch Standard read them.

https://mimesniff.spec.whatwg.org, https://fetch.spec.whatwg.org
"""

import re
from functools import lru_cache
from typing import NamedTuple

from crawler.model.text import Kind

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_SPACE = r"[\t\n\r ]*"
_QUOTED = r'"((?:[^"\\]|\\.|\\\Z)*+)(?:"|\Z)'
_TYPE = re.compile(rf"{_SPACE}({_WORD}/{_WORD}){_SPACE}(?:;(.*))?\Z", re.DOTALL)
_PARAMETER = re.compile(rf"{_SPACE}([^;=]*)(?:=(?:{_QUOTED}[^;]*|([^;]*)))?(?:;|\Z)", re.DOTALL)
_NAME = re.compile(rf"{_WORD}\Z")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]+\Z")
_LIST_ITEM = re.compile(rf'(?:[^",]++|{_QUOTED})++', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNKNOWN = frozenset({"unknown/unknown", "application/unknown"})
"""Types that say nothing, besides ``*/*`` (MIME Sniffing Standard, 7, step 2)."""
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_XML_TYPES = frozenset({"text/xml", "application/xml"})
# The standard's list of tags and <meta>. It wants a space or ">" after them; browsers accept more.
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div|font"
    rb"|table|a|style|title|b|body|br|p|meta)[\t\n\f\r >])",
    re.IGNORECASE,
)
_XML = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*<\?xml")
_PROLOG_BYTES = 4096
_XHTML_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s++|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>)*+"
    rb"<html\s[^>]*?\bxmlns\s*=\s*[\"']http://www\.w3\.org/1999/xhtml[\"']",
    re.DOTALL,
)


class MimeType(NamedTuple):
    """``essence`` is ``type/subtype`` in lower case, ``parameters`` have names in lower case."""

    essence: str
    parameters: dict[str, str]

    @property
    def charset(self) -> str | None:
        """The label of a character set, as it was sent; it may be unknown."""
        return self.parameters.get("charset")


def parse(text: str) -> MimeType | None:
    """``text`` as a MIME type; None if it is not valid (MIME Sniffing Standard, 4.4)."""
    found = _TYPE.match(text)
    if found is None:
        return None
    parameters: dict[str, str] = {}
    for each in _PARAMETER.finditer(found[2] or ""):
        name, value = each[1].lower(), _value(each)
        if _NAME.match(name) and (each[2] is not None or value) and _is_value(value):
            parameters.setdefault(name, value)
    return MimeType(found[1].lower(), parameters)


def _value(parameter: re.Match[str]) -> str:
    quoted, plain = parameter[2], parameter[3]
    return (plain or "").rstrip("\t\n\r ") if quoted is None else _ESCAPED.sub(r"\1", quoted)


def _is_value(text: str) -> bool:
    return not text or _VALUE.match(text) is not None


# A run sees few different values, and every page needs one.
@lru_cache(maxsize=64)
def from_header(content_type: str) -> MimeType | None:
    """The MIME type that the Content-Type headers of a response name, joined by commas.

    The last valid one holds, and takes the charset of one before it with the same essence (Fetch
    Standard, "extract a MIME type"). None if none is valid.
    """
    found: MimeType | None = None
    for item in _LIST_ITEM.finditer(content_type):
        each = parse(item[0])
        if each is None or each.essence == "*/*":
            continue
        if found and found.charset and found.essence == each.essence:
            each.parameters.setdefault("charset", found.charset)
        found = each
    return found


def kind(found: MimeType | None, body: bytes) -> Kind:
    """What a body of the type ``found`` is; HTML includes XHTML.

    If ``found`` says nothing, the body decides (MIME Sniffing Standard, 7.1). XML is XHTML if its
    root element is: browsers show both alike.
    """
    if found is None or found.essence in _UNKNOWN:
        if _HTML.match(body):
            return Kind.HTML
        is_xml = _XML.match(body) is not None
    elif found.essence in _HTML_TYPES:
        return Kind.HTML
    else:
        is_xml = found.essence in _XML_TYPES or found.essence.endswith("+xml")
    if not is_xml:
        return Kind.PLAIN
    return Kind.HTML if _is_xhtml(body) else Kind.XML


def _is_xhtml(body: bytes) -> bool:
    return _XHTML_ROOT.match(body[:_PROLOG_BYTES]) is not None
