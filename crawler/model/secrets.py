"""Hides secrets in texts: a library, a server or a page can quote what was sent."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from urllib.parse import unquote

HIDDEN = "<secret>"
Hide = Callable[[str], str]
"""Returns a text without secrets; ``str`` if there are no secrets."""
_SHORTEST = 4
"""Characters of a secret. A shorter one is not looked for: it would be found everywhere."""
_SHORTEST_PART = 8
"""Characters of base64 that are only a part of what was encoded."""
_STANDARD = str.maketrans("-_", "+/")
"""From the URL-safe alphabet of base64 to the usual one (RFC 4648 §5)."""


class Secrets:
    """The secrets of a run. ``add`` is for one thread, ``hide`` for any.

    A list can have a login in each line, so the time of both does not grow with the number of
    secrets: a text is searched for the first characters of all of them at once.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._heads: dict[str, tuple[tuple[str, str], ...]] = {}
        """First characters of a spelling → pairs of the whole spelling and its secret."""
        self.add(*texts)

    def add(self, *texts: str) -> None:
        for text in texts:
            if len(text) >= _SHORTEST and text not in self._known:
                self._known.add(text)
                for each in {text, _escaped(text), *_base64(text)}:
                    head = each[:_SHORTEST]
                    self._heads[head] = (*self._heads.get(head, ()), (each, text))

    def hide(self, text: str) -> str:
        """Return ``text`` with ``<secret>`` in place of each secret.

        It finds a secret as it is, percent-encoded, in base64, and with the escapes of JSON.
        """
        if not self._heads:
            return text
        found = {secret for variant in _variants(text) for secret in self._in(variant)}
        return _pattern(frozenset(found)).sub(HIDDEN, text) if found else text

    def _in(self, text: str) -> Iterator[str]:
        heads = self._heads
        for start in range(len(text) - _SHORTEST + 1):
            for spelling, secret in heads.get(text[start : start + _SHORTEST], ()):
                if text.startswith(spelling, start):
                    yield secret


def _variants(text: str) -> set[str]:
    """``text`` without its percent-encoding, and with the usual alphabet of base64."""
    variants = {text, text.translate(_STANDARD)}
    if "%" in text or "+" in text:
        variants |= {unquote(text), unquote(text.replace("+", " "))}
    return variants


@lru_cache(maxsize=256)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    forms = {form for secret in secrets for form in _forms(secret)}
    return re.compile("|".join(sorted(forms, key=lambda form: (-len(form), form))))


def _forms(text: str) -> Iterator[str]:
    """Regular expressions for the spellings of ``text``."""
    yield "".join(map(_percent, text))
    yield re.escape(_escaped(text))
    yield from map(_url_safe, _base64(text))


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def _percent(character: str) -> str:
    """``character`` as it is, or percent-encoded."""
    encoded = "".join(f"%{byte:02x}" for byte in character.encode(errors="surrogatepass"))
    plus = r"|\+" if character == " " else ""
    return f"(?:{re.escape(character)}|(?i:{encoded}){plus})"


def _base64(text: str) -> Iterator[str]:
    """The characters that ``text`` has in base64 (RFC 4648 §4), alone or within other data."""
    data = text.encode(errors="surrogatepass")
    yield b64encode(data).decode().rstrip("=")
    for before in range(3):
        whole = b64encode(bytes(before) + data).decode()
        first = -(-before * 8 // 6)
        part = whole[first : (before + len(data)) * 8 // 6]
        if len(part) >= _SHORTEST_PART:
            yield part


def _url_safe(text: str) -> str:
    """A regular expression for both alphabets of base64 (RFC 4648 §5)."""
    return re.escape(text).replace(r"\+", r"[+\-]").replace("/", "[/_]")
