"""Parses robots.txt (RFC 9309) and matches URLs, in bounded time even for hostile files.

Only the rules for our user agent are kept.
"""

import re
from collections.abc import Iterable

from crawler.frontier.robots_matcher import Matcher, as_rule
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason

MAX_BYTES = 500 * 1024
"""The rest of a longer robots.txt is ignored (RFC 9309 §2.5)."""
MAX_REDIRECTS = 5
"""RFC 9309 §2.3.1.2."""
MAX_DELAY = 60.0
"""Maximum Crawl-delay (seconds). No standard defines it; a site that allows less than one page per
minute can use Disallow."""

# Percent-encodes bytes that are not ASCII, and makes every line end ``\n``.
_ASCII = {byte: f"%{byte:02X}" for byte in range(0x80, 0x100)} | {ord("\r"): "\n"}
_ALLOW, _DISALLOW, _DELAY = "allow", "d[ias]{2,4}ll?[ao]w", "crawl-delay"
"""Fields of a rule; common misspellings of disallow are accepted."""


def _field(name: str) -> re.Pattern[str]:
    """A line with this field, from the end of the line before it, and its value.

    A pattern that begins with a newline is found fast.
    """
    return re.compile(rf"\n[ \t]*(?:{name})(?:[ \t]*:|[ \t])[ \t]*([^#\n]*)", re.IGNORECASE)


_AGENT_LINE = _field("user[ -]?agent")
_ALLOW_LINE, _DISALLOW_LINE, _DELAY_LINE = map(_field, (_ALLOW, _DISALLOW, _DELAY))
_RULE_LINE = _field(f"{_ALLOW}|{_DISALLOW}|{_DELAY}")
_PRODUCT = re.compile(r"(?:^|[ (;])([\w-]+)(?=/)|^([\w-]+)", re.ASCII)
_NAME = re.compile(r"[\w-]+", re.ASCII)
_SECONDS = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)


class Rules:
    """The rules of one origin: allow everything. ``delay`` is the Crawl-delay (seconds) or None.

    ``size`` is about the memory that they need, in bytes.
    """

    delay: float | None = None
    size = 500

    def refusal(self, url: str) -> FetchError | SkipError | None:
        """Return why ``url`` of this origin must not be requested, or None."""
        return None


class _ParsedRobots(Rules):
    def __init__(self, text: str, agent: str) -> None:
        own = _own_groups(f"\n{text}", _products(agent))
        self.delay = _longest_delay(_values(_DELAY_LINE, own))
        self._matcher = Matcher(_values(_ALLOW_LINE, own), _values(_DISALLOW_LINE, own))
        self.size = Rules.size + self._matcher.size

    def refusal(self, url: str) -> SkipError | None:
        path = as_rule("/" + url.split("/", 3)[3])
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


def _products(agent: str) -> frozenset[str]:
    """The product names in a User-Agent, also in comments: ``Mozilla/5.0 (compatible; Bot/1.0)``
    has ``mozilla`` and ``bot``.
    """
    return frozenset((named or first).lower() for named, first in _PRODUCT.findall(agent))


def _own_groups(text: str, products: frozenset[str]) -> str:
    """Return the rules of all groups for ``products``; if there are none, of all groups for ``*``.

    A group is one or more user-agent lines and the rules that follow them (§2.2.1). The lines
    between two user-agent lines are looked at together, so that a long file takes a short time.
    """
    groups: dict[bool, list[str]] = {}  # for ``products``, and for ``*``
    current: set[bool] = set()
    in_header = False
    agents = list(_AGENT_LINE.finditer(text))
    ends = [*(agent.start() for agent in agents[1:]), len(text)]
    for agent, end in zip(agents, ends, strict=False):
        if not in_header:
            current = set()
        value = agent[1].rstrip()
        name = _NAME.match(value)
        is_ours = name is not None and name[0].lower() in products
        if is_ours or value == "*":
            current.add(is_ours)
            groups.setdefault(is_ours, [])
        in_header = _RULE_LINE.search(text, agent.end(), end) is None
        if not in_header:
            for each in current:
                groups[each].append(text[agent.end() : end])
    return "".join(groups[True] if True in groups else groups.get(False, ()))


def _values(field: re.Pattern[str], text: str) -> list[str]:
    """The values of a field that are not empty."""
    return list(filter(None, map(str.rstrip, field.findall(text))))


def _longest_delay(values: Iterable[str]) -> float | None:
    """Return the longest valid delay in seconds, at most ``MAX_DELAY``."""
    seconds = [float(found[0]) for value in values if (found := _SECONDS.match(value))]
    return min(max(seconds), MAX_DELAY) if seconds else None
