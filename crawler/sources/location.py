"""The text of a ``loc`` or ``link`` of a sitemap, as a URL. Pure."""

import re
from urllib.parse import quote_from_bytes, urljoin

from crawler.model.urls import UrlError
from crawler.sources.url_text import check_visible, has_second, trimmed

UNDECODED = "\udfff"
"""Stands for bytes that are no character of an encoding other than UTF-8."""
_ENTITY = re.compile(r"&(?:#(?:[xX]([0-9a-fA-F]+)|([0-9]+))|([A-Za-z][\w.-]*));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_BYTES = re.compile("[\udc80-\udcff]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SECOND_URL = re.compile(r"\s[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LINE_END = re.compile(r"[\r\n]")
_SPACE = re.compile(r"[^\S ]")
_TWO = "there are two URLs instead of one"
_RELATIVE = re.compile(r"/|\.\.?/|\?")
# A name is looked at once, from its beginning: each part takes linear time.
_ATTRIBUTE = re.compile(r"""(?<![^\s=<>"'])([^\s=<>"']++)\s*+=\s*+(?:"([^"]*)"|'([^']*)')""")
_ALTERNATE = {"alternate", "http://www.iana.org/assignments/relation/alternate"}


class LocationError(Exception):
    """The text is not a URL that anybody wrote; the message says why."""


def without_entities(text: str) -> str:
    """``text`` with its entities and character references replaced; a bare ``&`` stays.

    Only the five entities of XML exist. Raises LocationError for another one.
    """
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(entity: re.Match[str]) -> str:
    name = entity[3]
    if name is not None:
        if name not in _NAMED:
            raise LocationError(f"the entity {entity[0][:40]} is not defined")
        return _NAMED[name]
    digits = (entity[1] or entity[2])[:20]
    number = int(digits, 16 if entity[1] else 10)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF or _CONTROL.match(chr(number)):
        raise LocationError(f"{entity[0][:40]} is not a character of XML")
    return chr(number)


def cleaned(text: str) -> str:
    """The URL in ``text``, the decoded content of a ``loc``.

    Around it, blanks and invisible characters are dropped, and inside it line breaks with the
    blanks around them (RFC 3986, appendix C). Bytes that were no UTF-8 are percent-encoded as they
    are (URL Standard). Raises LocationError if it is empty or has two URLs, a control or invisible
    character, white space other than a blank, or a character that could not be decoded.
    """
    text = trimmed(text)
    if text.isascii() and text.isprintable() and " " not in text:
        if text:
            return _only_one(text)
        raise LocationError("there is no URL")
    if _CONTROL.search(text):
        raise LocationError("there is a control character in the URL")
    if _SECOND_URL.search(text):
        raise LocationError(_TWO)
    if UNDECODED in text:
        raise LocationError("a character of the URL cannot be decoded")
    joined = _only_one("".join([part.strip() for part in _LINE_END.split(text)]))
    if _SPACE.search(joined):
        raise LocationError("there is white space in the URL")
    try:
        check_visible(joined)
    except UrlError as error:
        raise LocationError(error.message) from None
    return _BYTES.sub(_percent_encoded, joined)


def _only_one(url: str) -> str:
    """``url``. Raises LocationError if there are two."""
    if url.find("://", 8) >= 0 and has_second(url):
        raise LocationError(_TWO)
    return url


def _percent_encoded(found: re.Match[str]) -> str:
    return quote_from_bytes(found[0].encode("utf-8", "surrogateescape"))


def absolute(text: str, base: str | None) -> str:
    """``text``, resolved by the URL of its sitemap if it is certainly relative.

    ``shop.example/tea`` may be a path or may lack its scheme: it is left as it is.
    """
    if base is not None and _RELATIVE.match(text):
        return urljoin(base, text)
    return text


def atom_link(attributes: str) -> str | None:
    """The URL of the page that an Atom ``link`` leads to (RFC 4287, 4.2.7), None for other links.

    Raises LocationError.
    """
    found = _attributes(attributes)
    if found.get("rel", "alternate").strip().lower() not in _ALTERNATE:
        return None
    return without_entities(found.get("href", ""))


def is_permanent(attributes: str) -> bool:
    """Whether an RSS ``guid`` is a URL (RSS 2.0: unless isPermaLink is false)."""
    return _attributes(attributes).get("ispermalink", "true").strip().lower() != "false"


def _attributes(tag: str) -> dict[str, str]:
    return {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(tag)}
