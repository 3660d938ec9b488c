"""robots.txt: what was answered → rules (RFC 9309), in time that does not depend on good will.

The file is looked through once, and only the rules for us are kept. Rules without a wildcard are
looked up, not tried; a wildcard is matched by searching for its parts one after the other.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import product

from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason

MAX_BYTES = 500 * 1024
"""How much of a robots.txt counts (RFC 9309 §2.5)."""
MAX_REDIRECTS = 5
"""RFC 9309 §2.3.1.2."""
MAX_DELAY = 60.0
"""Longest Crawl-delay (seconds) that is kept; it is in no standard, and who wants less than a page
a minute has Disallow for that."""
MAX_WILDCARDS = 1000
"""Rules with a ``*`` that are matched as they are; every URL has to be tried against them all."""

# What is not ASCII, as UTF-8 percent-encoded, and one kind of line end.
_ASCII = {byte: f"%{byte:02X}" for byte in range(0x80, 0x100)} | {ord("\r"): "\n"}
# Lines that count; the spellings of disallow that are found in the wild are taken for it.
_LINE = re.compile(
    r"^[ \t]*(user[ -]?agent|allow|d[ias]{2,4}ll?[ao]w|crawl-delay)"
    r"(?:[ \t]*:|[ \t])[ \t]*([^#\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_PRODUCT = re.compile(r"(?:^|[ (;])([\w-]+)(?=/)|^([\w-]+)", re.ASCII)
_NAME = re.compile(r"[\w-]+", re.ASCII)
_SECONDS = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
# An escape, unless it is of no printable ASCII and in upper case already.
_ESCAPE = re.compile("%(?![0189A-F][0-9A-F])[0-9A-Fa-f]{2}")


def _in_path(escape: str) -> str:
    """``escape`` undone, unless it would then mean something else or be no printable ASCII."""
    character = chr(int(escape[1:], 16))
    is_plain = "!" <= character <= "~" and character not in "%*$/?#"
    return character if is_plain else escape.upper()


_IN_PATH = {
    escape: _in_path(escape)
    for escape in map("%{0[0]}{0[1]}".format, product("0123456789abcdefABCDEF", repeat=2))
}
_IN_QUERY = _IN_PATH | {"%2f": "/", "%2F": "/", "%3f": "?", "%3F": "?"}


class Rules:
    """What one origin allows us. ``delay`` is its Crawl-delay in seconds, or None."""

    delay: float | None = None

    def refusal(self, url: str) -> FetchError | SkipError | None:
        """Why ``url`` of this origin must not be asked for, or None."""
        return None


class _ParsedRobots(Rules):
    def __init__(self, text: str, agent: str) -> None:
        allowed, disallowed, self.delay = _ours(_lines(text), _products(agent))
        self._matcher = _Matcher(allowed, disallowed)

    def refusal(self, url: str) -> SkipError | None:
        path = _level("/" + _literal(url.split("/", 3)[3]))
        if path == "/robots.txt" or self._matcher.allows(path):
            return None
        return SkipError(SkipReason.ROBOTS, "robots.txt disallows it")


class _Refused(Rules):
    def __init__(self, why: FetchError | SkipError) -> None:
        self._why = why

    def refusal(self, url: str) -> FetchError | SkipError:
        return self._why


def from_answer(status: int, body: bytes, agent: str) -> Rules:
    """RFC 9309 §2.3.1: the rules of a good answer, everything on 4xx, nothing on 5xx.

    ``agent`` is our User-Agent; its product names are what a group of rules may be for.
    """
    if 200 <= status < 300:
        return _ParsedRobots(_text(body), agent)
    if status < 500:
        return Rules()
    return _Refused(
        SkipError(SkipReason.ROBOTS, f"robots.txt answered {status}: nothing is allowed")
    )


def unreachable(error: FetchError | SkipError) -> Rules:
    """RFC 9309 §2.3.1.4: what cannot be reached allows nothing. Its URLs end as robots.txt did.

    Redirects that lead nowhere are an answer: that there is none (§2.3.1.2).
    """
    if isinstance(error, SkipError):
        return _Refused(SkipError(error.reason, f"robots.txt: {error.message}"))
    if error.kind is FailureKind.REDIRECT:
        return Rules()
    return _Refused(FetchError(error.kind, f"robots.txt: {error.message}"))


def _text(body: bytes) -> str:
    """What counts of ``body``, in ASCII; UTF-16 is taken for what its first two bytes say it is."""
    body = body[:MAX_BYTES]
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        body = body.decode("utf-16", "replace").encode()
    return body.removeprefix(b"\xef\xbb\xbf").decode("latin-1").translate(_ASCII)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """The first letter of each field, in lower case, and its value."""
    return ((found[1][0].lower(), found[2].rstrip()) for found in _LINE.finditer(text))


def _products(agent: str) -> frozenset[str]:
    """Names of products in a User-Agent: ``bot`` in ``Mozilla/5.0 (compatible; Bot/1.0)``, too."""
    return frozenset((named or first).lower() for named, first in _PRODUCT.findall(agent))


def _ours(
    lines: Iterable[tuple[str, str]], products: frozenset[str]
) -> tuple[list[str], list[str], float | None]:
    """What is allowed, what is not, and the delay: of all groups for us, or else of all for ``*``.

    A group is one or more user-agent lines and the rules behind them (§2.2.1).
    """
    groups: dict[str, dict[str, list[str]]] = {}
    into: set[str] = set()
    heading = False
    for field, value in lines:
        if field == "u":
            if not heading:
                into, heading = set(), True
            name = _NAME.match(value)
            whom = "us" if name is not None and name[0].lower() in products else value
            if whom in ("us", "*"):
                into.add(whom)
                groups.setdefault(whom, {"a": [], "d": [], "c": []})
            continue
        heading = False
        for whom in into if value else ():
            groups[whom][field].append(value)
    found = groups.get("us") or groups.get("*") or {"a": [], "d": [], "c": []}
    return found["a"], found["d"], _delay(found["c"])


def _delay(values: Iterable[str]) -> float | None:
    """The longest of what can be read as a number of seconds."""
    seconds = [float(found[0]) for value in values if (found := _SECONDS.match(value))]
    return min(max(seconds), MAX_DELAY) if seconds else None


def _literal(text: str) -> str:
    """Take away the meaning that ``*`` and ``$`` have in a rule."""
    return text.replace("*", "%2A").replace("$", "%24")


def _level(text: str) -> str:
    """``text`` with one spelling for what is the same (§2.2.2): only what must be is escaped.

    In a query ``/`` and ``?`` are nothing special.
    """
    if " " in text:
        text = text.replace(" ", "%20")
    if not _ESCAPE.search(text):
        return text
    path, mark, query = text.partition("?")
    path = _ESCAPE.sub(lambda escape: _IN_PATH[escape[0]], path)
    return path + mark + _ESCAPE.sub(lambda escape: _IN_QUERY[escape[0]], query)


class _Matcher:
    """Rules by how they match: a beginning, a whole path, or a pattern with wildcards.

    The longest that matches decides; of equals the one that allows (§2.2.2).
    """

    def __init__(self, allowed: Iterable[str], disallowed: Iterable[str]) -> None:
        self._beginnings: dict[str, bool] = {}
        self._wholes: dict[str, bool] = {}
        self._wildcards: dict[str, bool] = {}
        for value in disallowed:
            self._add(value, allows=False)
        for value in allowed:
            self._add(value, allows=True)
        self._lengths = sorted(set(map(len, self._beginnings)), reverse=True)
        self._patterns = sorted(map(_Pattern, self._wildcards), key=len, reverse=True)

    def _add(self, value: str, *, allows: bool) -> None:
        end = "$" if value.endswith("$") else ""
        pattern = _level(value.removesuffix("$").replace("$", "%24"))
        if "*" not in pattern:
            (self._wholes if end else self._beginnings)[pattern] = allows
        elif len(self._wildcards) < MAX_WILDCARDS or pattern + end in self._wildcards:
            self._wildcards[pattern + end] = allows
        elif not allows:
            # Too many to be tried: then rather forbid too much.
            self._beginnings.setdefault(pattern.partition("*")[0], False)

    def allows(self, path: str) -> bool:
        longest, allowed = self._beginning(path)
        if path in self._wholes:
            longest, allowed = len(path) + 1, self._wholes[path]
        for pattern in self._patterns:
            if len(pattern) < longest or (len(pattern) == longest and allowed):
                break
            if pattern.matches(path):
                longest, allowed = len(pattern), self._wildcards[pattern.text]
        return allowed

    def _beginning(self, path: str) -> tuple[int, bool]:
        """Length of the longest rule that ``path`` begins with, and what it says."""
        for length in self._lengths:
            found = self._beginnings.get(path[:length])
            if found is not None and length <= len(path):
                return length, found
        return 0, True


class _Pattern:
    """A rule with wildcards: its parts, found one after the other, each as early as it can be."""

    __slots__ = ("ends", "first", "last", "middle", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.ends = text.endswith("$")
        self.first, *middle, self.last = text.removesuffix("$").split("*")
        self.middle = tuple(filter(None, middle))

    def __len__(self) -> int:
        return len(self.text)

    def matches(self, path: str) -> bool:
        if not path.startswith(self.first):
            return False
        at = len(self.first)
        for part in self.middle:
            at = path.find(part, at)
            if at < 0:
                return False
            at += len(part)
        if self.ends:
            return len(path) - len(self.last) >= at and path.endswith(self.last)
        return path.find(self.last, at) >= 0
