"""Hides secrets in texts: a library, a server or a page can quote what was sent."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator

HIDDEN = "<secret>"
Hide = Callable[[str], str]
"""Returns a text without secrets; ``str`` if there are no secrets."""
_SHORTEST = 4
"""Characters of a secret. A shorter one is not looked for: it would be found everywhere."""
_SHORTEST_PART = 8
"""Characters of base64 that are only a part of what was encoded."""


class Secrets:
    """The secrets of a run. ``add`` is for one thread, ``hide`` for any."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*texts)

    def add(self, *texts: str) -> None:
        forms = {form for text in texts if len(text) >= _SHORTEST for form in _forms(text)}
        if forms <= self._forms:
            return
        self._forms |= forms
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(longest_first))

    def hide(self, text: str) -> str:
        """Return ``text`` with ``<secret>`` in place of each secret.

        It finds a secret as it is, percent-encoded, in base64, and with the escapes of JSON.
        """
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def is_in(self, text: str) -> bool:
        return self._pattern is not None and self._pattern.search(text) is not None


def _forms(text: str) -> Iterator[str]:
    """Regular expressions for the spellings of ``text``."""
    yield "".join(map(_percent, text))
    yield re.escape(json.dumps(text)[1:-1])  # with its escapes
    yield from map(_url_safe, _base64(text.encode(errors="surrogatepass")))


def _percent(character: str) -> str:
    """``character`` as it is, or percent-encoded."""
    encoded = "".join(f"%{byte:02x}" for byte in character.encode(errors="surrogatepass"))
    plus = r"|\+" if character == " " else ""
    return f"(?:{re.escape(character)}|(?i:{encoded}){plus})"


def _base64(data: bytes) -> Iterator[str]:
    """The characters that ``data`` has in base64 (RFC 4648 §4), alone or within other data."""
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
