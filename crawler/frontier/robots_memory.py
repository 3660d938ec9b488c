"""Remembers the rules of origins, bounded in bytes and in time. Pure: ``now`` is monotonic seconds.

The next session knows them too, except those that are very long, and that robots.txt was missing
because of an error.

Rules that are forgotten are requested again. So that a host makes progress however many others have
long rules, the URL for which the rules were requested is judged before they are forgotten.
"""

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from crawler.frontier.learned import RobotsRecord
from crawler.frontier.robots import Rules, from_text
from crawler.model.errors import FetchError, SkipError

MOST_BYTES = 32_000_000
"""Memory of all rules: some 50,000 origins with usual ones, 100 with as many as are read."""
MOST_JUDGED = 4_000
"""Verdicts that outlive their rules; an origin whose verdict is dropped is requested again."""
LIFETIME = 86_400.0
"""Seconds after which robots.txt is requested again (RFC 9309 §2.4)."""


class RobotsVerdict(msgspec.Struct, frozen=True):
    """Whether a URL may be requested: ``refusal`` is the reason why not, or None."""

    refusal: FetchError | SkipError | None = None


_ALLOWED = RobotsVerdict()


class _KnownRules(msgspec.Struct):
    """Rules until then; ``url`` is the URL for which they were requested, until they are used."""

    rules: Rules
    until: float
    url: str | None


class RobotsMemory:
    """The rules of the origins that were used last, and verdicts that outlive them."""

    def __init__(
        self, records: Iterable[RobotsRecord] = (), unix_time: float = 0.0, now: float = 0.0
    ) -> None:
        """``records`` are those of earlier sessions, and it is ``unix_time``, or ``now``."""
        self._ahead = now - unix_time
        self._earlier = {record.site: record for record in records}
        self._changed: dict[str, RobotsRecord] = {}
        self._forgotten: list[str] = []
        self._known: OrderedDict[str, _KnownRules] = OrderedDict()
        self._wanted: dict[str, str] = {}
        self._judged: dict[str, tuple[str, RobotsVerdict]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, site: str) -> bool:
        return site in self._known or site in self._earlier

    def judge(self, site: str, url: str, now: float) -> RobotsVerdict | None:
        """Judge ``url`` of the origin ``site``; None if its robots.txt must be requested first."""
        known = self._known.get(site) or self._restore(site, now)
        if known is not None and now < known.until:
            known.url = None
            self._known.move_to_end(site)
            return _verdict(known.rules, url)
        judged = self._judged.get(site)
        if judged is not None and judged[0] == url:
            return self._judged.pop(site)[1]
        self._wanted[site] = url
        return None

    def _restore(self, site: str, now: float) -> _KnownRules | None:
        """Read the rules that an earlier session has kept."""
        record = self._earlier.pop(site, None)
        if record is None:
            return None
        until = min(record.fetched + self._ahead, now) + LIFETIME
        return self._add(site, _KnownRules(from_text(record.text), until, None))

    def keep(self, site: str, rules: Rules, now: float) -> list[str]:
        """The robots.txt of ``site`` is known; return the origins whose rules are forgotten."""
        self._earlier.pop(site, None)
        self._judged.pop(site, None)
        text = rules.take_text()
        if text is not None:
            self._changed[site] = RobotsRecord(site, now, rules.delay or 0.0, text)
        self._add(site, _KnownRules(rules, now + LIFETIME, self._wanted.pop(site, None)))
        forgotten, self._forgotten = self._forgotten, []
        return forgotten

    def take(self, now: float, unix_time: float) -> list[RobotsRecord]:
        """Return what the next session must know in addition to the last call."""
        changed, self._changed = self._changed, {}
        return [
            msgspec.structs.replace(each, fetched=each.fetched - now + unix_time)
            for each in changed.values()
        ]

    def _add(self, site: str, added: _KnownRules) -> _KnownRules:
        """Keep these rules, and forget those that were used longest ago if there is no room."""
        self._drop(site)
        self._known[site] = added
        self._bytes += added.rules.size
        while self._bytes > MOST_BYTES and len(self._known) > 1:
            oldest, known = next(iter(self._known.items()))
            if known.url is not None:
                self._remember(oldest, known.url, _verdict(known.rules, known.url))
            self._drop(oldest)
            self._forgotten.append(oldest)
        return added

    def _remember(self, site: str, url: str, verdict: RobotsVerdict) -> None:
        self._judged[site] = url, verdict
        if len(self._judged) > MOST_JUDGED:
            del self._judged[next(iter(self._judged))]

    def _drop(self, site: str) -> None:
        known = self._known.pop(site, None)
        if known is not None:
            self._bytes -= known.rules.size


def _verdict(rules: Rules, url: str) -> RobotsVerdict:
    refusal = rules.refusal(url)
    return _ALLOWED if refusal is None else RobotsVerdict(refusal)
