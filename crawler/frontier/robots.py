"""Parses robots.txt (RFC 9309) and matches URLs, in bounded time even for hostile files.

One pass over the file keeps only the rules for our user agent. Rules without a wildcard are found
by look-up; rules with wildcards are matched by a search for their parts, one after the other.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import product

from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason

MAX_BYTES = 500 * 1024
"""The rest of a longer robots.txt is ignored (RFC 9309 §2.5)."""
MAX_REDIRECTS = 5
"""RFC 9309 §2.3.1.2."""
MAX_DELAY = 60.0
"""Maximum Crawl-delay (seconds). No standard defines it; a site that allows less than one page per
minute can use Disallow."""
MAX_WILDCARDS = 1000
"""Maximum number of rules with a ``*``, because every URL is matched against all of them."""

# Percent-encodes bytes that are not ASCII, and makes every line end ``\n``.
_ASCII = {byte: f"%{byte:02X}" for byte in range(0x80, 0x100)} | {ord("\r"): "\n"}
# Lines with a known field; common misspellings of disallow are accepted.
_LINE = re.compile(
    r"^[ \t]*(user[ -]?agent|allow|d[ias]{2,4}ll?[ao]w|crawl-delay)"
    r"(?:[ \t]*:|[ \t])[ \t]*([^#\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_PRODUCT = re.compile(r"(?:^|[ (;])([\w-]+)(?=/)|^([\w-]+)", re.ASCII)
_NAME = re.compile(r"[\w-]+", re.ASCII)
_SECONDS = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
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


class Rules:
    """The rules of one origin: allow everything. ``delay`` is the Crawl-delay (seconds) or None."""

    delay: float | None = None

    def refusal(self, url: str) -> FetchError | SkipError | None:
        """Return why ``url`` of this origin must not be requested, or None."""
        return None


class _ParsedRobots(Rules):
    def __init__(self, text: str, agent: str) -> None:
        allowed, disallowed, self.delay = _own_rules(_lines(text), _products(agent))
        self._matcher = _Matcher(allowed, disallowed)

    def refusal(self, url: str) -> SkipError | None:
        path = _normalize("/" + _escape_wildcards(url.split("/", 3)[3]))
        if path == "/robots.txt" or self._matcher.allows(path):
            return None
        return SkipError(SkipReason.ROBOTS, "robots.txt disallows it")


class _AllRefused(Rules):
    def __init__(self, why: FetchError | SkipError) -> None:
        self._why = why

    def refusal(self, url: str) -> FetchError | SkipError:
        return self._why


def from_answer(status: int, body: bytes, agent: str) -> Rules:
    """RFC 9309 §2.3.1: a 2xx response has rules, other responses below 500 allow everything, 5xx
    allows nothing.

    ``agent`` is our User-Agent; a group of rules is for us if it names one of its products.
    """
    if 200 <= status < 300:
        return _ParsedRobots(_decode(body), agent)
    if status < 500:
        return Rules()
    message = f"robots.txt: the server answered {status}, so nothing is allowed"
    return _AllRefused(SkipError(SkipReason.ROBOTS, message))


def unreachable(error: FetchError | SkipError) -> Rules:
    """RFC 9309 §2.3.1.4: an unreachable robots.txt allows nothing. All URLs get its error.

    Too many or invalid redirects mean that there is no robots.txt (§2.3.1.2).
    """
    if isinstance(error, SkipError):
        return _AllRefused(SkipError(error.reason, f"robots.txt: {error.message}"))
    if error.kind is FailureKind.REDIRECT:
        return Rules()
    return _AllRefused(FetchError(error.kind, f"robots.txt: {error.message}"))


def _decode(body: bytes) -> str:
    """Return the first ``MAX_BYTES`` of ``body`` as ASCII; a byte order mark may select UTF-16."""
    body = body[:MAX_BYTES]
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        body = body.decode("utf-16", "replace").encode()
    return body.removeprefix(b"\xef\xbb\xbf").decode("latin-1").translate(_ASCII)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Return the first letter of each field, in lower case, and its value."""
    return ((found[1][0].lower(), found[2].rstrip()) for found in _LINE.finditer(text))


def _products(agent: str) -> frozenset[str]:
    """The product names in a User-Agent, also in comments: ``Mozilla/5.0 (compatible; Bot/1.0)``
    has ``mozilla`` and ``bot``.
    """
    return frozenset((named or first).lower() for named, first in _PRODUCT.findall(agent))


def _own_rules(
    lines: Iterable[tuple[str, str]], products: frozenset[str]
) -> tuple[list[str], list[str], float | None]:
    """Return the allow rules, the disallow rules and the delay of all groups for ``products``.

    If there are none, those of all groups for ``*``. A group is one or more user-agent lines and
    the rules that follow them (§2.2.1).
    """
    groups: dict[bool, dict[str, list[str]]] = {}  # for ``products``, and for ``*``
    current: set[bool] = set()
    in_header = False
    for field, value in lines:
        if field == "u":
            if not in_header:
                current, in_header = set(), True
            name = _NAME.match(value)
            is_ours = name is not None and name[0].lower() in products
            if is_ours or value == "*":
                current.add(is_ours)
                groups.setdefault(is_ours, {"a": [], "d": [], "c": []})
            continue
        in_header = False
        for is_ours in current if value else ():
            groups[is_ours][field].append(value)
    found = groups.get(True) or groups.get(False) or {"a": [], "d": [], "c": []}
    return found["a"], found["d"], _delay(found["c"])


def _delay(values: Iterable[str]) -> float | None:
    """Return the longest valid delay in seconds, at most ``MAX_DELAY``."""
    seconds = [float(found[0]) for value in values if (found := _SECONDS.match(value))]
    return min(max(seconds), MAX_DELAY) if seconds else None


def _escape_wildcards(text: str) -> str:
    """Escape ``*`` and ``$``, which have a special meaning in a rule."""
    return text.replace("*", "%2A").replace("$", "%24")


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


class _Matcher:
    """Rules by type: a prefix, an exact path, or a pattern with wildcards.

    The longest rule that matches decides; of two equally long ones, the allow rule (§2.2.2).
    """

    def __init__(self, allowed: Iterable[str], disallowed: Iterable[str]) -> None:
        self._prefixes: dict[str, bool] = {}
        self._exact: dict[str, bool] = {}
        self._wildcards: dict[str, bool] = {}
        for value in disallowed:
            self._add(value, allows=False)
        for value in allowed:
            self._add(value, allows=True)
        self._lengths = sorted(set(map(len, self._prefixes)), reverse=True)
        self._patterns = sorted(map(_Pattern, self._wildcards), key=len, reverse=True)

    def _add(self, value: str, *, allows: bool) -> None:
        end = "$" if value.endswith("$") else ""
        pattern = _normalize(value.removesuffix("$").replace("$", "%24"))
        if "*" not in pattern:
            (self._exact if end else self._prefixes)[pattern] = allows
        elif len(self._wildcards) < MAX_WILDCARDS or pattern + end in self._wildcards:
            self._wildcards[pattern + end] = allows
        elif not allows:
            # Too many wildcards: disallow the whole prefix, which may forbid too much.
            self._prefixes.setdefault(pattern.partition("*")[0], False)

    def allows(self, path: str) -> bool:
        longest, allowed = self._longest_prefix(path)
        if path in self._exact:
            longest, allowed = len(path) + 1, self._exact[path]
        for pattern in self._patterns:
            if len(pattern) < longest or (len(pattern) == longest and allowed):
                break
            if pattern.matches(path):
                longest, allowed = len(pattern), self._wildcards[pattern.text]
        return allowed

    def _longest_prefix(self, path: str) -> tuple[int, bool]:
        """Return the length of the longest prefix rule that matches, and whether it allows."""
        for length in self._lengths:
            found = self._prefixes.get(path[:length])
            if found is not None and length <= len(path):
                return length, found
        return 0, True


class _Pattern:
    """A rule with wildcards. Its parts are searched in order, each at its first position."""

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
