"""Decodes a body: the encoding sniffing of the HTML Standard, then detection.

In this order: byte order mark, Content-Type, <meta> in the first 1,024 bytes, UTF-8 if it is valid,
detection from the bytes, windows-1252.
"""

import re

from crawler.parsing import charset_labels

PRESCAN_BYTES = 1024
_DETECT_BYTES = 64 * 1024
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--(?:-?>|.*?(?:-->|\Z))", re.DOTALL)
_META = re.compile(rb"""<meta[\s/]((?:[^>"']|"[^"]*"|'[^']*')*)""", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""([^\s/>="']+)\s*(?:=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")


def to_text(body: bytes, content_type: str | None) -> tuple[str | bytes, str]:
    """The text of ``body``, and the name of its character set in the Encoding Standard.

    The text is bytes if these are valid UTF-8, which saves the parser an encoding step; else it is
    a str, with U+FFFD for bytes that cannot be decoded. Never raises.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return _decode(body[len(mark) :], name)
    declared = from_header(content_type) or from_meta(body)
    if declared:
        return _decode(body, declared)
    if _is_utf8(body):
        return body, "utf-8"
    return _decode(body, _detected(body) or "windows-1252")


def from_header(content_type: str | None) -> str | None:
    """The name of the character set in a Content-Type; None if it is missing or unknown."""
    match = _CHARSET.search(content_type or "")
    return charset_labels.find(match[1]) if match else None


def from_meta(body: bytes) -> str | None:
    """The name of the character set in the first <meta> that declares a known one."""
    head = _COMMENT.sub(b" ", body[:PRESCAN_BYTES])
    for tag in _META.finditer(head):
        name = _declared(_attributes(tag[1]))
        if name:
            # The tag was readable as single bytes, so the body cannot be UTF-16.
            return "utf-8" if name.startswith("utf-16") else name
    return None


def _attributes(tag: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(tag):
        found.setdefault(name.decode("latin-1").lower(), b"".join(values).decode("latin-1"))
    return found


def _declared(attributes: dict[str, str]) -> str | None:
    if "charset" in attributes:
        return charset_labels.find(attributes["charset"])
    if attributes.get("http-equiv", "").lower() == "content-type":
        return from_header(attributes.get("content"))
    return None


def _decode(body: bytes, name: str) -> tuple[str | bytes, str]:
    if name == "utf-8" and _is_utf8(body):
        return body, name
    return body.decode(charset_labels.codec(name), "replace"), name


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _detected(body: bytes) -> str | None:
    import cchardet  # imported here: few pages need it, and the import takes time

    return charset_labels.find(cchardet.detect(body[:_DETECT_BYTES])["encoding"])
