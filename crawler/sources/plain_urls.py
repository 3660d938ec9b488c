"""Recognises at little cost the texts that are one valid URL and nothing else: nearly all of them.

It is never wrong about what it recognises; all other texts are judged by ``url_text``.
"""

import re

_CHARACTERS = bytes(set(range(0x21, 0x7F)) - set(b'"<>\\^`{}'))
_AND_LF = _CHARACTERS + b"\n"
_NUMBER = r"(?:1\d\d|[1-9]?\d)"
_HOST = rf"(?:(?:[A-Za-z0-9]++[.-])*+[A-Za-z][A-Za-z0-9]*+|{_NUMBER}(?:\.{_NUMBER}){{3}})"
_PORT = r"(?:[1-5]\d{4}|\d{1,4}+)"
"""Below 60,000: the others are up to 65,535."""
_URL = rf"https?://{_HOST}(?::{_PORT})?(?:/.{{0,2000}}+)?"
_ONE = re.compile(_URL.encode()).fullmatch
_MANY = re.compile(rf"(?:{_URL}\n)*+".encode()).fullmatch
_SEPARATORS = (b",", b";", b"|")
_NOT_CLEAR_AT_END = (",", ";", "|", '"', ">")
"""At the end of a URL they may not belong to it."""


def is_plain(text: bytes) -> bool:
    return (
        not text.translate(None, _CHARACTERS)
        and _ONE(text) is not None
        and text.find(b"://", 8) < 0
        and not text.endswith(_SEPARATORS)
    )


def is_clear(text: str) -> bool:
    """Whether the rules of a list change nothing in ``text``; it need not be valid.

    It takes half the time of ``is_plain``.
    """
    return (
        text.startswith(("http://", "https://"))
        and text.isascii()
        and text.isprintable()
        and " " not in text
        and text.find("://", 7) < 0
        and not text.endswith(_NOT_CLEAR_AT_END)
    )


def plain_lines(block: bytes) -> list[str] | None:
    """The lines of ``block`` if each of them is plain."""
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if block.translate(None, _AND_LF) or _MANY(block) is None:
        return None
    lines = block.decode().splitlines()
    ends = any(each in block and each + b"\n" in block for each in _SEPARATORS)
    return None if ends or block.count(b"://") != len(lines) else lines
