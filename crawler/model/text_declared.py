"""What a Content-Type, an HTML page or an XML document says about its character set."""

import re

from crawler.model.text_labels import label

PRESCAN_BYTES = 1024
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--(?:-?>|.*?(?:-->|\Z))", re.DOTALL)
_META = re.compile(rb"""<meta[\s/]((?:[^>"']|"[^"]*"|'[^']*')*)""", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""([^\s/>="']+)\s*(?:=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_XML = re.compile(rb"""\s*<\?xml\s[^>]*?encoding\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def bom(head: bytes) -> tuple[str, int] | None:
    """The name of the character set that a byte order mark declares, and the length of the mark."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    return None


def in_header(content_type: str | None) -> str | None:
    """The name of the character set in a Content-Type; None if it is missing or unknown."""
    match = _CHARSET.search(content_type or "")
    return label(match[1]) if match else None


def in_html(body: bytes) -> str | None:
    """The name of the character set in the first <meta> that declares a known one."""
    head = _COMMENT.sub(b" ", body[:PRESCAN_BYTES])
    for tag in _META.finditer(head):
        name = _declared(_attributes(tag[1]))
        if name:
            return _single_bytes(name)
    return None


def in_xml(body: bytes) -> str | None:
    """The name of the character set in an XML declaration; None if it is missing or unknown."""
    match = _XML.match(body[:PRESCAN_BYTES])
    name = label((match[1] or match[2] or b"").decode("latin-1")) if match else None
    return _single_bytes(name) if name else None


def _single_bytes(name: str) -> str:
    """What was readable as single bytes cannot be UTF-16."""
    return "utf-8" if name.startswith("utf-16") else name


def _attributes(tag: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(tag):
        found.setdefault(name.decode("latin-1").lower(), b"".join(values).decode("latin-1"))
    return found


def _declared(attributes: dict[str, str]) -> str | None:
    if "charset" in attributes:
        return label(attributes["charset"])
    if attributes.get("http-equiv", "").lower() == "content-type":
        return in_header(attributes.get("content"))
    return None
