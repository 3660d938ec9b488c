"""robots.txt: what was answered → rules (RFC 9309)."""

from protego import Protego

from crawler.errors import FetchError, Skip, SkipError

MAX_BYTES = 500 * 1024
"""How much of a robots.txt counts (RFC 9309 §2.5)."""
MAX_REDIRECTS = 5
"""RFC 9309 §2.3.1.2."""


class Rules:
    """What one origin allows us. ``delay`` is its Crawl-delay in seconds, or None."""

    delay: float | None = None

    def refusal(self, url: str) -> FetchError | SkipError | None:
        """Why ``url`` of this origin must not be asked for, or None."""
        return None


class _Parsed(Rules):
    def __init__(self, text: str, agent: str) -> None:
        self._rules = Protego.parse(text)
        self._agent = agent
        delay = self._rules.crawl_delay(agent)
        self.delay = None if delay is None else float(delay)

    def refusal(self, url: str) -> SkipError | None:
        if self._rules.can_fetch(url, self._agent):
            return None
        return SkipError(Skip.ROBOTS, "robots.txt disallows it")


class _Refused(Rules):
    def __init__(self, why: FetchError | SkipError) -> None:
        self._why = why

    def refusal(self, url: str) -> FetchError | SkipError:
        return self._why


def from_answer(status: int, body: bytes, agent: str) -> Rules:
    """RFC 9309 §2.3.1: the rules of a good answer, everything on 4xx, nothing on 5xx."""
    if 200 <= status < 300:
        return _Parsed(body[:MAX_BYTES].decode("utf-8", "replace").lstrip("\ufeff"), agent)
    if status < 500:
        return Rules()
    return _Refused(SkipError(Skip.ROBOTS, f"robots.txt answered {status}: nothing is allowed"))


def unreachable(error: FetchError | SkipError) -> Rules:
    """RFC 9309 §2.3.1.4: what cannot be reached allows nothing. Its URLs end as robots.txt did."""
    if isinstance(error, SkipError):
        return _Refused(SkipError(error.reason, f"robots.txt: {error.message}"))
    return _Refused(FetchError(error.kind, f"robots.txt: {error.message}"))
