"""Where the URLs are in a line of a list or in a cell of a table; pure.

A line comes from an editor, a chat, a web page or a spreadsheet, with what was around the URL
there. The rule for what is not clear: a URL that is not written there is never requested. So the
line fails, with a message that says how to write it.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from crawler.model.urls import UrlError

# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt) without what is part of visible
# text: variation selectors, which end many emoji, and tags, which name flags.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\ufffb"
)
_CONTROLS = "\x00-\x1f\x7f-\x9f"
_JOINERS = "\u200c\u200d"
"""They are between letters of Persian and between parts of an emoji: part of such URLs."""
_WHITE_SPACE = "\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Beyond Latin-1."""
_AROUND = re.sub(
    "(.)-(.)",
    lambda ends: "".join(map(chr, range(ord(ends[1]), ord(ends[2]) + 1))),
    f"\x00- \x7f-\xa0{_WHITE_SPACE}{_INVISIBLE}",
    flags=re.DOTALL,
)
_INSIDE = re.compile(rf"(?![{_JOINERS}])[{_CONTROLS}{_INVISIBLE}]")
_COMMENT = re.compile(r"\s#")
_SCHEME = re.compile(r"https?:", re.IGNORECASE)
_SECOND = re.compile(r"""[,;|"<>，；、][a-z][a-z0-9+.-]*://""", re.IGNORECASE)
_GLUED = re.compile(r"""(?<=[^/\\=?&:#(\[{"'*+@<])https?://""", re.IGNORECASE)
"""A URL inside another one, but not where a segment, a parameter or a word of it begins."""
_ESCAPED = re.compile(r"%(?:25)*+(?:2[0-9A-F]|3[A-F]|40|5[B-E]|60|7[B-E])$", re.IGNORECASE)
"""An escape of something that is no letter or digit, maybe several times."""
_LONGEST_ESCAPE = 11
_QUOTES = {"<": ">", '"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»"}
_NOT_LAST = (",", ";", "|", "，", "；", "、", '"', ">", "“", "”", "’", "»")
_BYTE = re.compile("[\udc80-\udcff]")
# A backslash may be the second byte of a character (Shift_JIS, Big5, GBK), A0 a space or one. The
# last are surrogates in UTF-8, of which no character is known.
_AMBIGUOUS_BYTE = re.compile("[\udc80-\udcff]\\\\|\udca0$|\udced[\udca0-\udcbf]")
_NO_BYTES = "[^/\\\\?#\udc80-\udcff]*+"
_HOST_BYTE = re.compile(rf"{_NO_BYTES}[/\\]*+{_NO_BYTES}[\udc80-\udcff]")
_WRAP = "if it is one URL, write it between < and >"


def trimmed(text: str) -> str:
    """``text`` without white space and invisible characters at its ends."""
    return text.strip(_AROUND)


def has_second(url: str) -> bool:
    """Whether another URL follows, after a separator or at once."""
    return _SECOND.search(url) is not None or _is_glued(url)


def check_visible(url: str) -> None:
    """Raise UrlError if there is a control or invisible character in ``url``."""
    hidden = _INSIDE.search(url)
    if hidden:
        raise UrlError(f"contains the invisible character {_named(hidden[0])}: remove it")


def line_text(line: str) -> str:
    """``line`` trimmed and without its comment, which begins with ``#`` after white space."""
    text = trimmed(line)
    if text.startswith("#"):
        return ""
    comment = _COMMENT.search(text) if "#" in text else None
    return trimmed(text[: comment.start()]) if comment else text


def parts(text: str) -> Iterator[str]:
    """Each ``line_text`` in ``text`` that is not empty.

    Other separators than line ends (VT, FF, U+2028 …) end a line too.
    """
    return filter(None, map(line_text, text.splitlines()))


def urls_in(text: str) -> Sequence[str]:
    """The URLs in ``text``, which ``line_text`` returned. Raises UrlError.

    White space ends a URL if another URL follows. A tab ends it whatever follows: in a list that
    was pasted from a table, those are the other cells.
    """
    words = text.split()
    if len(words) == 1:
        return (one_url(text),)
    first, _, rest = text.partition("\t")
    if rest and "://" not in rest and len(first.split()) == 1:
        return (one_url(trimmed(first)),)
    if all(map(_SCHEME.match, words)):
        return [one_url(trimmed(word)) for word in words]
    if _SCHEME.match(text):
        raise UrlError("white space inside the URL: write %20 for it, and one URL per line")
    raise UrlError("not an absolute URL: the line must begin with http:// or https://")


def one_url(text: str) -> str:
    """``text`` without quotes around it and with escapes for its bytes. Raises UrlError.

    RFC 3986, appendix C, names quotes and angle brackets as marks of where a URL begins and ends.
    """
    quoted = _unquoted(text)
    url = text if quoted is None else trimmed(quoted)
    if len(url.split()) > 1:
        raise UrlError("white space inside the URL: write %20 for it")
    check_visible(url)
    if quoted is None:
        _check_end(url)
    return _with_escapes(url) if not url.isascii() and _BYTE.search(url) else url


def _unquoted(text: str) -> str | None:
    """What is between quotes if ``text`` is that, maybe with a comma of a list in some language."""
    close = _QUOTES.get(text[:1])
    if close is None:
        return None
    inner, end, after = text[1:].partition(close)
    return inner if end and after in ("", ",", ";") else None


def _check_end(url: str) -> None:
    if has_second(url):
        raise UrlError(f"two URLs: write one per line; {_WRAP}")
    if url.endswith(_NOT_LAST):
        raise UrlError(
            f"ends with {url[-1]!r}, which may not belong to the URL: remove it; {_WRAP}"
        )


def _is_glued(url: str) -> bool:
    """Whether another URL follows at once: two files were put together without a line end.

    Archives and redirectors write the other URL after a slash or where a parameter begins.
    """
    return url.find("://", 8) >= 0 and any(
        not _ESCAPED.search(url[max(0, found.start() - _LONGEST_ESCAPE) : found.start()])
        for found in _GLUED.finditer(url)
    )


def _with_escapes(url: str) -> str:
    """Percent-encode the bytes that are not UTF-8: the URL keeps them as they are."""
    if _HOST_BYTE.match(url):
        raise UrlError("the host contains bytes that are not UTF-8: save the list as UTF-8")
    if _AMBIGUOUS_BYTE.search(url):
        raise UrlError("contains bytes that are not clear: save the list as UTF-8")
    return _BYTE.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", url)


def _named(character: str) -> str:
    name = unicodedata.name(character, "a control character")
    return f"U+{ord(character):04X} ({name})"
