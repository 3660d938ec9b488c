"""Parses robots.txt (RFC 9309) and matches URLs, in bounded time even for hostile files.

Only the rules for our user agent are kept. Lines are read as the reference parser reads them
(google/robotstxt), with its misspellings. Two things differ: the name of a user agent may have
digits, and a Crawl-delay is a rule, so that a group may have nothing else.
"""

import re
from collections.abc import Iterable, Sequence

from crawler.frontier.robots_matcher import Matcher, as_rule
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason
from crawler.model.text import Kind, decode, utf_16
from crawler.model.user_agent import NAME, products

MAX_BYTES = 500 * 1024
"""The rest of a longer robots.txt is ignored (RFC 9309 §2.5)."""
MAX_RECEIVED = 2 * MAX_BYTES
"""So much is received: no content coding makes ``MAX_BYTES`` longer than that."""
MAX_DECODED = MAX_BYTES + 2
"""So much is kept after content decoding: one character more shows whether a line ends there."""
MAX_UNPACKED = 50_000_000
"""A robots.txt that becomes larger than this by content decoding is a bomb, and not read."""
MAX_TEXT = 16_000
"""Characters of rules that the next session knows; if there are more, it requests robots.txt again.
"""
MAX_REDIRECTS = 5
"""RFC 9309 §2.3.1.2."""
MAX_DELAY = 60.0
"""Maximum Crawl-delay (seconds). No standard defines it; a site that allows less than one page per
minute can use Disallow."""

# Percent-encodes bytes that are not ASCII, and makes every line end ``\n``.
_ASCII = {byte: f"%{byte:02X}" for byte in range(0x80, 0x100)} | {ord("\r"): "\n"}
_MARK = re.compile(b"\xef(?:\xbb\xbf?)?")
"""A byte order mark of UTF-8; the reference parser also skips its beginning."""
_AGENT = "user[ -]?agent"
_ALLOW, _DISALLOW, _DELAY = "allow", "d(?:iss?all?ow|iasllow|isallaw)", "crawl-delay"


def _field(name: str) -> re.Pattern[str]:
    """A line with a field whose name begins with ``name``, from the end of the line before it, and
    its value.

    The first colon ends the name. It may be missing if the line has exactly two words.
    A pattern that begins with a newline is found fast; the possessive parts take linear time.
    """
    end_of_name = r"[^:#\n]*+:|(?<!user agent)[^\s:#]*+[ \t]++(?=[^\s#]++[ \t\v\f]*+(?:#|\n|\Z))"
    return re.compile(rf"\n[ \t\v\f]*+(?:{name})(?:{end_of_name})([^#\n]*)", re.IGNORECASE)


_AGENT_LINE, _ALLOW_LINE, _DISALLOW_LINE, _DELAY_LINE = map(
    _field, (_AGENT, _ALLOW, _DISALLOW, _DELAY)
)
_RULE_LINE = _field(f"{_ALLOW}|{_DISALLOW}|{_DELAY}")
_SECONDS = re.compile(
    r"(\d+(?:[.,]\d*)?|[.,]\d+)(?= ?s(?:ec(?:ond)?s?)?\b|[\s;<]|\Z)", re.ASCII | re.IGNORECASE
)
"""A number, perhaps with a decimal comma or a unit; "1e3" and "5m" are not delays."""


class Rules:
    """The rules of one origin: allow everything. ``delay`` is the Crawl-delay (seconds) or None.

    ``size`` is about the memory that they need, in bytes.
    """

    delay: float | None = None
    size = 500
    _text: str | None = ""

    def take_text(self) -> str | None:
        """Return what ``from_text`` needs to make these rules again, and forget it.

        None if it is very long, or was taken before, and for rules that an error made.
        """
        text, self._text = self._text, None
        return text

    def refusal(self, url: str) -> FetchError | SkipError | None:
        """Return why ``url`` of this origin must not be requested, or None."""
        return None


class _ParsedRobots(Rules):
    def __init__(self, text: str, agent: str) -> None:
        groups = _groups(f"\n{text}", products(agent))
        own, everyone = groups.get(True), groups.get(False, "")
        if own is None:
            own = everyone
        self.delay = _longest_delay(_DELAY_LINE.findall(own))
        allowed, disallowed = _paths(own)
        if own and not allowed and not disallowed:  # nothing but a Crawl-delay
            allowed, disallowed = _paths(everyone)
            if self.delay is None:
                self.delay = _longest_delay(_DELAY_LINE.findall(everyone))
        allowed, disallowed = _given(allowed), _given(disallowed)
        self._text = _as_text(self.delay, allowed, disallowed)
        self._matcher = Matcher(allowed, disallowed)
        self.size = Rules.size + self._matcher.size

    def refusal(self, url: str) -> SkipError | None:
        path = as_rule("/" + url.split("/", 3)[3])
        if path == "/robots.txt" or self._matcher.allows(path):
            return None
        return SkipError(SkipReason.ROBOTS, "robots.txt disallows it")


class _AllRefused(Rules):
    _text = None

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


def from_text(text: str) -> Rules:
    """Make the rules of which ``take_text`` returned ``text``."""
    return _ParsedRobots(text, "") if text else Rules()


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
    """Return the first ``MAX_BYTES`` of ``body`` as ASCII; it may be UTF-16.

    Other bytes stay what they are, whatever their encoding: in a path they are percent-encoded. A
    line that the limit cuts is dropped.
    """
    first = body[:MAX_DECODED]
    wide = utf_16(first)
    if wide is not None:
        first = str(decode(first, declared=wide, kind=Kind.PLAIN).text).encode()
    else:
        first = first[: MAX_BYTES + 1]
        first = _MARK.sub(b"", first, count=1) if first.startswith(b"\xef") else first
    text = first.decode("latin-1").translate(_ASCII)
    return text if len(body) <= MAX_BYTES else text[: text.rfind("\n") + 1]


def _groups(text: str, names: frozenset[str]) -> dict[bool, str]:
    """Return the rules of all groups for ``names`` (True), and of all groups for ``*`` (False).

    A group is one or more user-agent lines and the rules that follow them (§2.2.1). The lines
    between two user-agent lines are looked at together, so that a long file takes a short time.
    """
    groups: dict[bool, list[str]] = {}
    current: set[bool] = set()
    in_header = False
    agents = list(_AGENT_LINE.finditer(text))
    ends = [*(agent.start() for agent in agents[1:]), len(text)]
    for agent, end in zip(agents, ends, strict=False):
        if not in_header:
            current = set()
        value = agent[1].strip()
        name = NAME.match(value)
        is_ours = name is not None and name[0].lower() in names
        if is_ours or value[:2].rstrip() == "*":
            current.add(is_ours)
            groups.setdefault(is_ours, [])
        in_header = _RULE_LINE.search(text, agent.end(), end) is None
        if not in_header:
            for each in current:
                groups[each].append(text[agent.end() : end])
    return {is_ours: "".join(rules) for is_ours, rules in groups.items()}


def _paths(rules: str) -> tuple[list[str], list[str]]:
    """The values of the Allow and of the Disallow lines."""
    return _ALLOW_LINE.findall(rules), _DISALLOW_LINE.findall(rules)


def _given(values: Iterable[str]) -> list[str]:
    """The values that are not empty, without the white space around them."""
    return list(filter(None, map(str.strip, values)))


def _as_text(delay: float | None, allowed: Sequence[str], disallowed: Sequence[str]) -> str | None:
    """Return a robots.txt that has these rules for everybody; None if it is very long."""
    if sum(map(len, allowed)) + sum(map(len, disallowed)) > MAX_TEXT:
        return None
    lines = ["User-agent: *", *map("Allow: {}".format, allowed)]
    lines += map("Disallow: {}".format, disallowed)
    lines += [] if delay is None else [f"Crawl-delay: {delay:.6f}"]
    text = "\n".join(lines)
    return text if len(text) <= MAX_TEXT else None


def _longest_delay(values: Iterable[str]) -> float | None:
    """Return the longest valid delay in seconds, at most ``MAX_DELAY``."""
    found = filter(None, map(_SECONDS.match, map(str.strip, values)))
    seconds = [float(number[1].replace(",", ".")) for number in found]
    return min(max(seconds), MAX_DELAY) if seconds else None
