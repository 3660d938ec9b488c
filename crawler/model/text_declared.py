"""What a byte order mark, an HTML page or an XML document declares as its character set."""

import re
from collections.abc import Iterable
from functools import lru_cache

from crawler.model.text_labels import label
from crawler.model.text_tags import parsed_meta, prescanned_meta

PRESCAN_BYTES = 1024
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
HEAD = 16
"""Bytes that tell most kinds of files apart; more of them tell more."""
UTF_32 = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_LEAST = 4
_ASCII = frozenset(b"\t\r\n") | frozenset(range(0x20, 0x7F))
_SPACE = rb"[\t\n\f\r ]"
_META_CONTENT = re.compile(
    rb"charset" + _SPACE + rb"*=" + _SPACE + rb"*"
    rb"""(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r ;"'][^\t\n\f\r ;]*)|)""",
    re.IGNORECASE,
)
_VALUE = rb"""(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r >"'][^\t\n\f\r >]*))?"""
_ATTRIBUTE = re.compile(
    rb"([^\t\n\f\r />][^\t\n\f\r />=]*)" + _SPACE + rb"*(?:=" + _SPACE + rb"*" + _VALUE + rb")?"
)
_XML_ENCODING = re.compile(rb"""encoding[\0- ]*=[\0- ]*(?:"([^"\0- ]*)"|'([^'\0- ]*)')""")
_XML_UTF_16 = ((b"<\0?\0x\0", "utf-16le"), (b"\0<\0?\0x", "utf-16be"))


def bom(head: bytes) -> tuple[str, int] | None:
    """The name of the character set that a byte order mark declares, and the length of the mark."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    return None


def utf_16(head: bytes) -> str | None:
    """The encoding if a file that begins with ``head`` is UTF-16, else None.

    Without a byte order mark, ASCII characters in 16 bits each tell it: a text in another
    encoding has no zero bytes.
    """
    if head.startswith(UTF_32):
        return None
    first = head[: min(HEAD, len(head) // 2 * 2)]
    if len(first) >= _LEAST and not any(first[1::2]) and _ASCII.issuperset(first[::2]):
        return "utf-16le"
    if len(first) >= _LEAST and not any(first[::2]) and _ASCII.issuperset(first[1::2]):
        return "utf-16be"
    mark = bom(head)
    return mark[0] if mark and mark[0] != "utf-8" else None


def in_html(body: bytes) -> str | None:
    """The name of the character set that a page declares.

    An HTML parser begins with what the prescan of the first 1,024 bytes finds, and changes its mind
    at the first <meta> element with a known character set, wherever that is (HTML Standard,
    13.2.3.2 and 13.2.3.5). So the element counts, and what only the prescan sees, such as a <meta>
    in a script, counts if there is no such element.
    """
    for start, name in _XML_UTF_16:
        if body.startswith(start):
            return name
    head = body[:PRESCAN_BYTES]
    # Looking for a word is much faster than reading each tag of a long page.
    at = head.find(b"charset")
    if at < 0 and b"charset" not in body.lower():
        return _in_xml_declaration(body)
    return (
        _begins(head[: head.find(b">", at) + 1])
        or _parsed(body)
        or _prescanned(head)
        or _in_xml_declaration(body)
    )


def in_xml(body: bytes) -> str | None:
    """The name of the character set that an XML document declares (XML 1.0, appendix F).

    White space before the declaration, which XML forbids, is skipped.
    """
    head = body[:PRESCAN_BYTES].lstrip(b"\t\n\r ")
    for start, name in _XML_UTF_16:
        if head.startswith(start):
            return name
    return _in_xml_declaration(head)


@lru_cache(maxsize=256)
def _begins(tags: bytes) -> str | None:
    """``_parsed`` of the ``tags`` before the first declaration and of that; it ends with ">".

    The pages of a site begin alike, so it is remembered. What it finds is right for the whole page:
    a comment or a raw text that continues after ``tags`` hides what is in it here as well.
    """
    return _parsed(tags)


def _parsed(body: bytes) -> str | None:
    """HTML Standard, 13.2.6.4.4, a start tag whose tag name is "meta"."""
    at = 0
    while found := parsed_meta().match(body, at):
        attributes = _attributes(found["attributes"])
        name = _label(attributes.get(b"charset"))
        if name is None and _is_pragma(attributes):
            name = _in_content(attributes.get(b"content", b""))
        if name:
            return _readable(name)
        at = found.end()
    return None


def _prescanned(head: bytes) -> str | None:
    """HTML Standard, 13.2.3.2, "prescan a byte stream to determine its encoding"."""
    at = 0
    while found := prescanned_meta().match(head, at):
        attributes = _attributes(found["attributes"])
        if b"charset" in attributes:
            name = _label(attributes[b"charset"])
        else:
            name = _in_content(attributes.get(b"content", b"")) if _is_pragma(attributes) else None
        if name:
            return _readable(name)
        at = found.end()
    return None


def _attributes(tag: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, *values in _ATTRIBUTE.findall(tag):
        found.setdefault(name.lower(), b"".join(values))
    return found


def _is_pragma(attributes: dict[bytes, bytes]) -> bool:
    return attributes.get(b"http-equiv", b"").lower() == b"content-type"


def _in_content(content: bytes) -> str | None:
    """HTML Standard, 2.4.4, "extracting a character encoding from a meta element"."""
    found = _META_CONTENT.search(content)
    return _label(_first(found.groups())) if found else None


def _in_xml_declaration(body: bytes) -> str | None:
    """HTML Standard, 13.2.3.2, "get an XML encoding"."""
    if not body.startswith(b"<?xml"):
        return None
    found = _XML_ENCODING.search(body, 5, body.find(b">") + 1)
    name = _label(_first(found.groups())) if found else None
    return _readable(name) if name else None


def _first(values: Iterable[bytes | None]) -> bytes | None:
    return next(filter(None, values), None)


def _label(value: bytes | None) -> str | None:
    return label(value.decode("latin-1")) if value else None


def _readable(name: str) -> str:
    """What could be read as ASCII is not in UTF-16; x-user-defined is for scripts only."""
    if name == "x-user-defined":
        return "windows-1252"
    return "utf-8" if name.startswith("utf-16") else name
