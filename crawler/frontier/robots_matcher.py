"""Matches the path of a URL against the rules of a robots.txt (RFC 9309 §2.2.2).

Rules without a wildcard are found by look-up; rules with wildcards are matched by a search for
their parts, one after the other.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Container, Iterable, Sequence
from itertools import product

MAX_WILDCARDS = 1000
"""Maximum number of rules with a ``*``, because every URL is matched against all of them."""
FEW = 1000
"""So many rules without a wildcard are kept as they are; of more, only their hashes."""
_OF_A_TEXT = 120
"""Bytes of memory for each text of a set, besides its characters."""

_INDEX = "/index.htm"
_SPECIAL = re.compile("[*$% ]")
"""A value without one of these is a prefix in its normal form."""
# An escape, except those in upper case of a byte that is not printable ASCII.
_ESCAPE = re.compile("%(?![0189A-F][0-9A-F])[0-9A-Fa-f]{2}")


def _normal_escape(escape: str) -> str:
    """Decode ``escape`` if the result is printable ASCII without a special meaning in a path.

    Otherwise return it in upper case.
    """
    character = chr(int(escape[1:], 16))
    is_plain = "!" <= character <= "~" and character not in "%*$/?#"
    return character if is_plain else escape.upper()


_IN_PATH = {
    escape: _normal_escape(escape)
    for escape in map("%{0[0]}{0[1]}".format, product("0123456789abcdefABCDEF", repeat=2))
}
_IN_QUERY = _IN_PATH | {"%2f": "/", "%2F": "/", "%3f": "?", "%3F": "?"}


class Matcher:
    """Rules by type: a prefix, an exact path, or a pattern with wildcards.

    The longest rule that matches decides; of two equally long ones, the allow rule (§2.2.2).
    ``size`` is about its memory in bytes.
    """

    def __init__(self, allowed: Sequence[str], disallowed: Sequence[str]) -> None:
        """``allowed`` and ``disallowed`` are the values of the rules."""
        self._patterns: list[_Pattern] = []
        refused = self._sort(disallowed, allows=False)
        granted = self._sort([*allowed, *_directories(allowed)], allows=True)
        self._patterns.sort(key=lambda pattern: (len(pattern), pattern.allows), reverse=True)
        self._lengths = sorted({*map(len, granted), *map(len, refused)}, reverse=True)
        self.size = sum(map(_size, (granted, refused)))
        self.size += sum(_OF_A_TEXT + 2 * len(pattern) for pattern in self._patterns)
        self._allowed, self._disallowed = _compact(granted), _compact(refused)

    def _sort(self, values: Sequence[str], *, allows: bool) -> set[str]:
        """Keep the values with wildcards, and return the others: prefixes, and ``exact$``."""
        whole = "".join(values)
        if not _SPECIAL.search(whole):
            return set(values)
        if "*" not in whole:
            return set(_rules(values))
        fixed: set[str] = set()
        patterns: set[str] = set()
        for text in _rules(values):
            if "*" not in text:
                fixed.add(text)
            elif len(self._patterns) + len(patterns) < MAX_WILDCARDS or text in patterns:
                patterns.add(text)
            elif not allows:
                # Too many wildcards: disallow the whole prefix, which may forbid too much.
                fixed.add(text.partition("*")[0])
        self._patterns += [_Pattern(text, allows) for text in patterns]
        return fixed

    def allows(self, path: str) -> bool:
        """Whether ``path``, in the form of ``as_rule``, may be requested."""
        longest, allowed = self._longest_prefix(path)
        exact = f"{path}$"
        if exact in self._allowed:
            longest, allowed = len(exact), True
        elif exact in self._disallowed:
            longest, allowed = len(exact), False
        for pattern in self._patterns:
            if len(pattern) < longest or (len(pattern) == longest and allowed):
                break
            if pattern.matches(path):
                longest, allowed = len(pattern), pattern.allows
        return allowed

    def _longest_prefix(self, path: str) -> tuple[int, bool]:
        """Return the length of the longest prefix rule that matches, and whether it allows."""
        for length in self._lengths:
            if length <= len(path):
                prefix = path[:length]
                if prefix in self._allowed:
                    return length, True
                if prefix in self._disallowed:
                    return length, False
        return 0, True


class _Hashes:
    """Texts as sorted hashes of 64 bits: 8 bytes for each, however long it is."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._hashes = array("q", sorted(map(hash, texts)))

    def __contains__(self, text: object) -> bool:
        wanted = hash(text)
        place = bisect_left(self._hashes, wanted)
        return place < len(self._hashes) and self._hashes[place] == wanted


def _compact(texts: set[str]) -> Container[str]:
    return frozenset(texts) if len(texts) <= FEW else _Hashes(texts)


def _size(texts: set[str]) -> int:
    if len(texts) > FEW:
        return 8 * len(texts)
    return sum(map(len, texts)) + _OF_A_TEXT * len(texts)


class _Pattern:
    """A rule with wildcards. Its parts are searched in order, each at its first position."""

    __slots__ = ("_first", "_text", "allows")

    def __init__(self, text: str, allows: bool) -> None:
        self._text = text
        self._first = text.partition("*")[0]
        self.allows = allows

    def __len__(self) -> int:
        return len(self._text)

    def matches(self, path: str) -> bool:
        text = self._text
        if not path.startswith(self._first):
            return False
        if len(text) - text.count("*") > len(path) + 1:  # a final $ needs no character
            return False
        # The last part is searched first: it is where rules that have much in common differ.
        star = text.rindex("*")
        if text[-1] == "$":
            last = text[star + 1 : -1]
            end = len(path) - len(last) if path.endswith(last) else -1
        else:
            end = path.rfind(text[star + 1 :])
        at = len(self._first)
        if end < at:
            return False
        parts, index = text[at + 1 : star].split("*"), path.index
        try:
            for part in parts:
                at = index(part, at, end) + len(part)
        except ValueError:
            return False
        return True


def _directories(allowed: Sequence[str]) -> list[str]:
    """Return a rule for the folder of each ``index.html`` that is allowed.

    The reference parser takes the page for the folder itself, in Allow lines only.
    """
    if _INDEX not in "".join(allowed):
        return []
    places = ((value, value.rfind("/")) for value in allowed)
    return [f"{value[:at]}/$" for value, at in places if value.startswith(_INDEX, at)]


def as_rule(path: str) -> str:
    """Write ``path``, with its query, as rules do, in which ``*`` and ``$`` have a meaning."""
    return _normalize(path.replace("*", "%2A").replace("$", "%24"))


def _rules(values: Sequence[str]) -> list[str]:
    """The normal forms of values, all at once if possible: one by one takes four times as long."""
    text = "\n".join(values)
    if "$" in text:  # at the end of a value: the end of the path
        text = f"{text}\n".replace("$\n", "\r\n").replace("$", "%24").removesuffix("\n")
    text = "\n".join(map(_normalize, text.split("\n"))) if "?" in text else _normalize(text)
    return text.replace("\r", "$").split("\n")


def _normalize(text: str) -> str:
    """Give equivalent texts the same form (§2.2.2): escape only what must be escaped.

    In a query ``/`` and ``?`` have no special meaning.
    """
    if " " in text:
        text = text.replace(" ", "%20")
    if not _ESCAPE.search(text):
        return text
    path, mark, query = text.partition("?")
    path = _ESCAPE.sub(lambda escape: _IN_PATH[escape[0]], path)
    return path + mark + _ESCAPE.sub(lambda escape: _IN_QUERY[escape[0]], query)
